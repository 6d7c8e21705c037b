import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import type { ComponentLogger, Logger as Libp2pLogger, PeerInfo } from '@libp2p/interface'
import { mdns, type MulticastDNSComponents } from '@libp2p/mdns'
import { isDeviceId, type DeviceId } from '../model/device-id.ts'
import { errorText } from '../model/errors.ts'
import type { Logger } from '../ports/logger.ts'
import { isLocalAddress, isLoopbackAddress } from './addresses.ts'
import { addressesPerCandidateMax } from './dial-candidates.ts'

/** The same for everybody: what is announced tells nothing of the folders. */
const mdnsServiceTag = '_p2psync._udp.local'

export interface MdnsOptions {
  /** Called with each answer that is heard, also from devices that are known; only private and loopback addresses. */
  readonly onSighting: (device: DeviceId, addresses: readonly string[]) => void
  readonly logger: Logger
}

/**
 * A libp2p service that announces this device on the local network and hears of others. It is not registered as peer
 * discovery: what anyone may claim shall not fill the peer store.
 */
export function mdnsService(options: MdnsOptions): (components: MulticastDNSComponents) => MdnsService {
  return (components) => {
    const discovery = mdns({ serviceTag: mdnsServiceTag, interval: queryMs })({
      addressManager: components.addressManager,
      logger: componentLogger(options.logger),
    })
    discovery.addEventListener('peer', (event: CustomEvent<PeerInfo>) => {
      const device = event.detail.id.toString()
      if (isDeviceId(device)) options.onSighting(device, dialable(event.detail.multiaddrs.map(String)))
    })
    return {
      start: async () => {
        await (discovery as Partial<MdnsService>).start?.()
      },
      stop: async () => {
        await (discovery as Partial<MdnsService>).stop?.()
      },
    }
  }
}

/** What libp2p starts and stops with the node. */
export interface MdnsService {
  start(): Promise<void>
  stop(): Promise<void>
}

/** Addresses of an announcement that may be dialled; loopback addresses only where there is no other network. */
export function dialable(announced: readonly string[]): readonly string[] {
  const local = announced.filter(isLocalAddress)
  const remote = local.filter((address) => !isLoopbackAddress(address))
  return (remote.length > 0 ? remote : local).slice(0, addressesPerCandidateMax)
}

/**
 * The interface over which mDNS would be silent because no route leads multicast anywhere (Linux tells nobody), or null
 * when all is well or it cannot be told.
 */
export async function interfaceWithoutMulticast(): Promise<string | null> {
  const up = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some((address) => address.family === 'IPv4' && !address.internal),
  )
  const routes = await readFile('/proc/net/route', 'utf8').catch(() => null)
  if (routes === null || hasMulticastRoute(routes)) return null
  return up?.[0] ?? null
}

/** True when a table in the form of `/proc/net/route` has a route for 224.0.0.0/4, or a default route. */
export function hasMulticastRoute(table: string): boolean {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .some(([, destination, , flags, , , , mask]) => {
      if (destination === undefined || mask === undefined || (Number.parseInt(flags ?? '', 16) & routeUp) === 0)
        return false
      const network = Buffer.from(destination, 'hex').readUInt32LE()
      const maskBits = Buffer.from(mask.trim(), 'hex').readUInt32LE()
      return (mdnsGroup & maskBits) >>> 0 === network
    })
}

const queryMs = 10_000
const reasonsMax = 16
const routeUp = 1
/** 224.0.0.251 */
const mdnsGroup = 0xe00000fb

/** Passes errors on, each once: some come back with every query. */
function componentLogger(logger: Logger): ComponentLogger {
  const quiet = (): void => undefined
  const passed = new Set<string>()
  const log: Libp2pLogger = Object.assign(quiet, {
    enabled: false,
    trace: quiet,
    error: (_format: unknown, ...parts: unknown[]) => {
      const reason = parts.map(errorText).join(' ')
      // After an address came, went and came again the socket is still a member where it wants to become one.
      if (reason === 'addMembership EADDRINUSE' || passed.has(reason) || passed.size === reasonsMax) return
      passed.add(reason)
      logger.warn('mDNS met an error: devices of this network may not be found', { reason })
    },
    newScope: () => log,
  })
  return { forComponent: () => log }
}
