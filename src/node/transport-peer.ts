import type { Connection } from '@libp2p/interface'
import type { AddressSource } from './dial-candidates.ts'
import { addressOf } from './dial-node.ts'
import type { TransportPeer } from './libp2p-transport-options.ts'
import type { PeerLink } from './peer-links.ts'

/** What is shown of an open connection; `source` is who told of its address, null when nobody did. */
export function transportPeer(
  link: PeerLink<Connection>,
  { connectedSinceMs, source }: { readonly connectedSinceMs: number; readonly source: AddressSource | null },
): TransportPeer {
  const dialled = source === 'mdns' || source === 'same host' ? source : 'dialled'
  return {
    device: link.device,
    connectedSinceMs,
    address: addressOf(link.connection),
    how: link.inbound ? 'inbound' : dialled,
    folders: [...link.folders],
  }
}
