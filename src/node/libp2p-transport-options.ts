import type { PrivateKey } from '@libp2p/interface'
import type { DeviceId } from '../model/device-id.ts'
import type { FolderId } from '../model/folder-id.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import type { KnownAddresses } from './known-addresses.ts'

export interface Libp2pTransportOptions {
  readonly privateKey: PrivateKey
  /** Multiaddrs; none: all interfaces, at `preferredPort` or, when that is 0 or busy, at a free one. */
  readonly listen: readonly string[]
  readonly preferredPort: number
  /** Multiaddrs that are dialled and kept dialled, with or without `/p2p/ID`. */
  readonly staticPeers: readonly string[]
  readonly mdns: boolean
  /** Where nodes of this user on this host find each other; null: they do not. */
  readonly sameHostFolder: string | null
  readonly knownAddresses: KnownAddresses
  /** Devices that are left alone: neither dialled nor let in. */
  readonly isPaused: (device: DeviceId) => boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** A connection that is open now. */
export interface TransportPeer {
  readonly device: DeviceId
  /** Milliseconds since 1970. */
  readonly connectedSinceMs: number
  /** The multiaddr at the other end. */
  readonly address: string
  readonly how: 'dialled' | 'mdns' | 'same host' | 'inbound'
  /** What both sides proved on this connection. */
  readonly folders: readonly FolderId[]
}
