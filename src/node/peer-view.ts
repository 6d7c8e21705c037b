import type { DeviceId } from '../model/device-id.ts'
import type { Libp2pTransport, TransportPeer } from './libp2p-transport.ts'
import type { PeerFolderStatus, PeerRoute, PeerStatus } from './node-api.ts'
import type { RunningFolder } from './running-folder.ts'

/** What a person is told of the other devices: the connected ones, then those that refused us or were refused. */
export function describePeers(parts: {
  readonly transport: Libp2pTransport
  readonly folders: readonly RunningFolder[]
  /** Devices that were connected earlier; those that are now are added. */
  readonly met: Map<DeviceId, MetDevice>
  /** Milliseconds since 1970. */
  readonly now: number
}): PeerStatus[] {
  const { transport, folders, met, now } = parts
  const byDevice = new Map<DeviceId, TransportPeer>()
  for (const peer of transport.peers()) if (!byDevice.has(peer.device)) byDevice.set(peer.device, peer)
  const connected = Array.from(byDevice.values(), (peer) => connectedPeer(peer, folders, met))
  for (const device of byDevice.keys()) met.set(device, { name: met.get(device)?.name ?? '', lastAt: now })
  const refused = new Map<DeviceId, PeerStatus>()
  for (const refusal of transport.refusals()) {
    const overcome = (met.get(refusal.device)?.lastAt ?? 0) >= refusal.atMs
    if (overcome || refused.has(refusal.device)) continue
    refused.set(refusal.device, {
      device: refusal.device,
      name: met.get(refusal.device)?.name ?? '',
      connectedSince: null,
      address: refusal.address,
      how: refusal.inbound ? 'inbound' : 'address',
      folders: [],
      receiveRate: 0,
      sendRate: 0,
      refused: refusalText(refusal.reason),
    })
  }
  return [...connected, ...refused.values()]
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
  }
}

const routes: Readonly<Record<TransportPeer['how'], PeerRoute>> = {
  dialled: 'address',
  mdns: 'mdns',
  'same host': 'same-host',
  inbound: 'inbound',
}

function refusalText(reason: 'no-common-folder' | 'timeout' | 'failed'): string {
  if (reason === 'no-common-folder')
    return 'it has no folder key in common with this device: compare `p2psync key show`'
  if (reason === 'timeout') return 'it did not answer in time when it was asked to prove the key'
  return 'the connection broke while the key was being proved'
}
