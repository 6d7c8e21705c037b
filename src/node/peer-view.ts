import type { DeviceId } from '../model/device-id.ts'
import type { RefusalReason } from './gated-noise.ts'
import type { Libp2pTransport } from './libp2p-transport.ts'
import type { TransportPeer } from './libp2p-transport-options.ts'
import type { PausedPeer, PeerFolderStatus, PeerRoute, PeerStatus } from './node-api.ts'
import type { RunningFolder } from './running-folder.ts'

/** What a person is told of the other devices: the connected ones, the paused ones, then those refused, by them or us. */
export function describePeers(parts: {
  readonly transport: Libp2pTransport
  readonly folders: readonly RunningFolder[]
  /** Devices that were connected earlier; those that are now are added. */
  readonly met: Map<DeviceId, MetDevice>
  readonly paused: readonly PausedPeer[]
  /** Milliseconds since 1970. */
  readonly now: number
}): PeerStatus[] {
  const { transport, folders, met, paused, now } = parts
  const byDevice = new Map<DeviceId, TransportPeer>()
  for (const peer of transport.peers()) if (!byDevice.has(peer.device)) byDevice.set(peer.device, peer)
  const connected = Array.from(byDevice.values(), (peer) => connectedPeer(peer, folders, met))
  for (const device of byDevice.keys()) met.set(device, { name: met.get(device)?.name ?? '', lastAt: now })
  const refused = new Map<DeviceId, PeerStatus>()
  for (const refusal of transport.refusals()) {
    if (refusal.device === transport.device) continue
    if (paused.some((other) => other.device === refusal.device)) continue
    const overcome = (met.get(refusal.device)?.lastAt ?? 0) >= refusal.atMs
    if (overcome || refused.has(refusal.device)) continue
    refused.set(refusal.device, {
      ...absentPeer({ device: refusal.device, name: met.get(refusal.device)?.name ?? '' }),
      address: refusal.address,
      how: refusal.inbound ? 'inbound' : 'address',
      refused: refusalText(refusal.reason),
    })
  }
  const resting = paused.filter((peer) => !byDevice.has(peer.device))
  return [...connected, ...resting.map((peer) => ({ ...absentPeer(peer), paused: true })), ...refused.values()]
}

function absentPeer({ device, name }: PausedPeer): PeerStatus {
  return {
    device,
    name,
    connectedSince: null,
    address: '',
    how: 'address',
    folders: [],
    receiveRate: 0,
    sendRate: 0,
    refused: null,
    paused: false,
  }
}

export interface MetDevice {
  /** '' while it is not known. */
  readonly name: string
  /** When it was last connected, in milliseconds since 1970. */
  readonly lastAt: number
}

function connectedPeer(
  peer: TransportPeer,
  folders: readonly RunningFolder[],
  met: Map<DeviceId, MetDevice>,
): PeerStatus {
  const shared: PeerFolderStatus[] = []
  let receiveRate = 0
  let sendRate = 0
  for (const { path, replica } of folders) {
    const session = replica.peers.connected.find((other) => other.device === peer.device)
    if (session === undefined) continue
    shared.push({ path, ...replica.view.withPeer(session) })
    receiveRate += session.receiveRate.perSecond
    sendRate += session.sendRate.perSecond
    const name = session.session?.peerName ?? ''
    if (name !== '') met.set(peer.device, { name, lastAt: 0 })
  }
  return {
    device: peer.device,
    name: met.get(peer.device)?.name ?? '',
    connectedSince: peer.connectedSinceMs,
    address: peer.address,
    how: routes[peer.how],
    folders: shared,
    receiveRate,
    sendRate,
    refused: null,
    paused: false,
  }
}

const routes: Readonly<Record<TransportPeer['how'], PeerRoute>> = {
  dialled: 'address',
  mdns: 'mdns',
  'same host': 'same-host',
  inbound: 'inbound',
}

function refusalText(reason: RefusalReason): string {
  if (reason === 'no-common-folder')
    return 'it has no folder key in common with this device: compare `p2psync key show`'
  if (reason === 'timeout') return 'it did not answer in time when it was asked to prove the key'
  return 'the connection broke while the key was being proved'
}
