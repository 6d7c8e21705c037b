import { BlockList, isIP } from 'node:net'
import { multiaddr, type Component } from '@multiformats/multiaddr'
import { parseDeviceId, type DeviceId } from '../model/device-id.ts'
import { P2psyncError } from '../model/errors.ts'

/** Where a device can be reached: a multiaddr of a host and a TCP port without `/p2p`, and who is expected there. */
export interface PeerAddress {
  readonly address: string
  /** Null when the address was given without `/p2p/ID`: whoever proves a folder's key is taken. */
  readonly device: DeviceId | null
}

/** The host and the port that a multiaddr names. */
export interface HostPort {
  readonly kind: 'ip4' | 'ip6' | 'dns'
  readonly host: string
  readonly port: number
}

/**
 * Checks an address to listen on, `/ip4/HOST/tcp/PORT` or `/ip6/HOST/tcp/PORT`, and gives its canonical text.
 *
 * @throws {P2psyncError} `bad-address`
 */
export function parseListenAddress(text: string): string {
  const { components, address } = parseComponents(text, 'listen on')
  const end = hostPort(address)
  if (end === null || end.kind === 'dns' || components.some((component) => component.name === 'p2p')) {
    throw bad(text, 'listen on', 'it must be an IP address and a TCP port')
  }
  return address
}

/**
 * Checks the address of a device: a host (IP or name), a TCP port, and optionally `/p2p/ID`.
 *
 * @throws {P2psyncError} `bad-address`
 */
export function parsePeerAddress(text: string): PeerAddress {
  const { components, address } = parseComponents(text, 'dial')
  const end = hostPort(address)
  if (end === null) throw bad(text, 'dial', 'it must be a host and a TCP port')
  if (end.port === 0) throw bad(text, 'dial', 'nothing can be dialled at port 0')
  const id = components.find((component) => component.name === 'p2p')?.value
  if (id === undefined) return { address, device: null }
  try {
    return { address, device: parseDeviceId(id) }
  } catch (cause) {
    throw bad(text, 'dial', 'the id after /p2p/ is not one of a p2psync device', cause)
  }
}

/** The same as {@link parsePeerAddress} for what other devices say: null instead of an error. */
export function tryParsePeerAddress(text: string): PeerAddress | null {
  try {
    return text.length > addressLengthMax ? null : parsePeerAddress(text)
  } catch {
    return null
  }
}

/** The host and port of a multiaddr's text, or null when it is no TCP address; `/p2p/ID` at its end is ignored. */
export function hostPort(address: string): HostPort | null {
  let components: Component[]
  try {
    components = multiaddr(address).getComponents()
  } catch {
    return null
  }
  const [host, port, ...rest] = components.filter((component) => component.name !== 'ip6zone')
  if (host?.value === undefined || port?.value === undefined || port.name !== 'tcp') return null
  if (rest.length > 1 || (rest.length === 1 && rest[0]?.name !== 'p2p')) return null
  const kind = hostKinds[host.name]
  return kind === undefined ? null : { kind, host: host.value, port: Number(port.value) }
}

/** True for loopback, private and link-local IP addresses: the only ones that an unproved announcement may name. */
export function isLocalAddress(address: string): boolean {
  return isOn(localNetworks, address)
}

export function isLoopbackAddress(address: string): boolean {
  return isOn(loopbackNetworks, address)
}

const addressLengthMax = 256
const hostKinds: Readonly<Record<string, HostPort['kind']>> = {
  ip4: 'ip4',
  ip6: 'ip6',
  dns: 'dns',
  dns4: 'dns',
  dns6: 'dns',
}

const loopbackNetworks = new BlockList()
loopbackNetworks.addSubnet('127.0.0.0', 8, 'ipv4')
loopbackNetworks.addAddress('::1', 'ipv6')

const localNetworks = new BlockList()
localNetworks.addSubnet('127.0.0.0', 8, 'ipv4')
localNetworks.addSubnet('10.0.0.0', 8, 'ipv4')
localNetworks.addSubnet('172.16.0.0', 12, 'ipv4')
localNetworks.addSubnet('192.168.0.0', 16, 'ipv4')
localNetworks.addSubnet('169.254.0.0', 16, 'ipv4')
localNetworks.addAddress('::1', 'ipv6')
localNetworks.addSubnet('fc00::', 7, 'ipv6')
localNetworks.addSubnet('fe80::', 10, 'ipv6')

function isOn(networks: BlockList, address: string): boolean {
  const end = hostPort(address)
  if (end === null || end.kind === 'dns' || isIP(end.host) === 0) return false
  return networks.check(end.host, end.kind === 'ip4' ? 'ipv4' : 'ipv6')
}

function parseComponents(text: string, purpose: string): { components: Component[]; address: string } {
  try {
    const parsed = multiaddr(text.trim())
    const components = parsed.getComponents()
    const ends = components.findIndex((component) => component.name === 'p2p')
    const address = ends === -1 ? parsed : multiaddr(components.slice(0, ends))
    if (ends !== -1 && ends !== components.length - 1) throw new Error('something follows /p2p/ID')
    return { components, address: address.toString() }
  } catch (cause) {
    throw bad(text, purpose, 'it is not a multiaddr', cause)
  }
}

function bad(text: string, purpose: string, why: string, cause?: unknown): P2psyncError {
  return new P2psyncError('bad-address', `cannot ${purpose} "${text.slice(0, addressLengthMax)}": ${why}`, {
    hint: 'an address looks like /ip4/192.168.1.20/tcp/4001 or /dns4/host.example/tcp/4001',
    cause,
  })
}
