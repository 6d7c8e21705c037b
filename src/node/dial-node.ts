import type { Connection, Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { parseDeviceId, type DeviceId } from '../model/device-id.ts'
import { errorText } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import { withDeadline } from './deadline.ts'
import type { Refusal } from './handshakes.ts'
import type { DialOutcome, DialRequest } from './redial.ts'

/** The multiaddr at the other end of a connection, without `/p2p`. */
export function addressOf(connection: Connection): string {
  return connection.remoteAddr.toString().replace(/\/p2p\/[^/]*$/, '')
}

/** Tries the addresses of a device one after the other, and tells a refusal from a failure by what the gate reports. */
export async function dialNode(
  { node, self, refusals, clock }: { node: Libp2p; self: DeviceId; refusals: () => readonly Refusal[]; clock: Clock },
  { device, addresses, signal }: DialRequest,
): Promise<DialOutcome> {
  const before = new Set(refusals())
  try {
    const targets = addresses.map((address) => multiaddr(device === null ? address : `${address}/p2p/${device}`))
    const connection = await withDeadline({ clock, timeoutMs: dialMsMax, signal }, (deadline) => {
      // Connections that libp2p still has, but which we gave up, do not count.
      return node.dial(targets, { signal: deadline, force: true })
    })
    return { outcome: 'connected', device: parseDeviceId(connection.remotePeer.toString()) }
  } catch (error) {
    const refusal = refusals().find((other) => {
      const ours = device === null ? addresses.includes(other.address) : other.device === device
      return ours && !other.inbound && !before.has(other)
    })
    if (refusal?.device === self) return { outcome: 'self' }
    if (refusal?.reason === 'no-common-folder') return { outcome: 'refused', device: refusal.device }
    return { outcome: 'failed', reason: errorText(error) }
  }
}

const dialMsMax = 10_000
