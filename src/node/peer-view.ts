import type { DeviceId } from '../model/device-id.ts'
import type { Libp2pTransport, TransportPeer } from './libp2p-transport.ts'
import type { PeerFolderStatus, PeerRoute, PeerStatus } from './node-api.ts'
import type { RunningFolder } from './running-folder.ts'

/** What a person is told of the other devices: the connected ones, then those that refused us or were refused. */
export function describePeers(parts: {
  readonly transport: Libp2pTransport
  readonly folders: readonly RunningFolder[]
  /** Names that devices told earlier; new ones are added. */
  readonly names: Map<DeviceId, string>
}): PeerStatus[] {
  const { transport, folders, names } = parts
  const byDevice = new Map<DeviceId, TransportPeer>()
  for (const peer of transport.peers()) if (!byDevice.has(peer.device)) byDevice.set(peer.device, peer)
  const connected = Array.from(byDevice.values(), (peer) => connectedPeer(peer, folders, names))
  const refused = new Map<DeviceId, PeerStatus>()
  for (const refusal of transport.refusals()) {
    if (byDevice.has(refusal.device) || refused.has(refusal.device)) continue
    refused.set(refusal.device, {
      device: refusal.device,
      name: names.get(refusal.device) ?? '',
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

function connectedPeer(
  peer: TransportPeer,
  folders: readonly RunningFolder[],
  names: Map<DeviceId, string>,
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
    if (name !== '') names.set(peer.device, name)
  }
  return {
    device: peer.device,
    name: names.get(peer.device) ?? '',
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
  if (reason === 'no-common-folder') return 'it has no folder key in common with this device: compare `p2psync key show`'
  if (reason === 'timeout') return 'it did not answer in time when it was asked to prove the key'
  return 'the connection broke while the key was being proved'
}
