import {
  serviceCapabilities,
  type ConnectionEncrypter,
  type MessageStream,
  type SecureConnectionOptions,
  type SecuredConnection,
} from '@libp2p/interface'
import { noise, type NoiseComponents } from '@libp2p/noise'
import { isDeviceId, type DeviceId } from '../model/device-id.ts'
import { errorText, P2psyncError } from '../model/errors.ts'
import type { FolderId } from '../model/folder-id.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import { MessageStreamBytes } from './byte-duplex.ts'
import { fastNoiseCrypto } from './fast-noise-crypto.ts'
import { OwnKeyElsewhere, type OwnKey } from './own-key.ts'
import { proveFolders, type ProofKeys, type ProofOptions } from './prove-folders.ts'

export const gatedNoiseProtocol = '/p2psync/noise/1.0.0'

/**
 * `no-common-folder`: its keys are other keys. `timeout`: it did not answer before time
 * was up or the attempt was given up. `failed`: it broke off or sent nonsense. `own-key`: it has the key of this device and is
 * another process.
 */
export type RefusalReason = 'no-common-folder' | 'timeout' | 'failed' | 'own-key'

export interface GatedNoiseOptions {
  /** The folders to prove, asked for at the start of each connection; what it throws ends that. */
  readonly folders: () => readonly ProofKeys[]
  /** The same for all connections of this process. */
  readonly ownKey: OwnKey
  /** Comes before libp2p announces the connection, which may still fail. `folders` are those which both hold. */
  readonly onProved: (peer: DeviceId, folders: readonly FolderId[]) => void
  /** The connection is being ended. `peer` is who it really was. */
  readonly onRefused: (peer: DeviceId, reason: RefusalReason) => void
  readonly clock: Clock
  readonly random: Random
  /** For the encryption's handshake and the proof together; 10 s by default. */
  readonly deadlineMs?: number
}

/**
 * A connection encrypter for libp2p: Noise, then the proof of common folders, before anything else is said. Who cannot
 * prove a folder sees no protocol, no multiplexer and no identify; neither side announces such a connection.
 */
export function gatedNoise(options: GatedNoiseOptions): (components: NoiseComponents) => ConnectionEncrypter {
  return (components) => new GatedNoise(components, options)
}

class GatedNoise implements ConnectionEncrypter {
  readonly protocol = gatedNoiseProtocol
  readonly [Symbol.toStringTag] = 'p2psync-gated-noise'
  readonly [serviceCapabilities]: string[] = ['@libp2p/connection-encryption']
  readonly #components: NoiseComponents
  readonly #options: GatedNoiseOptions
  readonly #noise: ConnectionEncrypter

  constructor(components: NoiseComponents, options: GatedNoiseOptions) {
    this.#components = components
    this.#options = options
    this.#noise = noise({ crypto: fastNoiseCrypto })(components)
  }

  secureOutbound(connection: MessageStream, options: SecureConnectionOptions = {}): Promise<SecuredConnection> {
    return this.#withDeadline(options.signal, async (signal) => {
      return this.#prove(await this.#noise.secureOutbound(connection, { ...options, signal }), 'initiator', signal)
    })
  }

  secureInbound(connection: MessageStream, options: SecureConnectionOptions = {}): Promise<SecuredConnection> {
    return this.#withDeadline(options.signal, async (signal) => {
      return this.#prove(await this.#noise.secureInbound(connection, { ...options, signal }), 'responder', signal)
    })
  }

  async #prove(
    secured: SecuredConnection,
    role: ProofOptions['role'],
    signal: AbortSignal,
  ): Promise<SecuredConnection> {
    const { folders, ownKey, random, onProved, onRefused } = this.#options
    const { connection, remotePeer } = secured
    const peer = remotePeer.toString()
    try {
      if (!isDeviceId(peer)) throw new P2psyncError('bad-message', 'the peer id is no Ed25519 key')
      const bytes = new MessageStreamBytes(connection)
      if (remotePeer.equals(this.#components.peerId)) await ownKey.meet(bytes, role, signal)
      const options = {
        role,
        localPeer: this.#components.peerId.toMultihash().bytes,
        remotePeer: remotePeer.toMultihash().bytes,
        folders: folders(),
        random,
      }
      const proved = await proveFolders(bytes, options, signal)
      if (proved.length === 0) throw new P2psyncError('wrong-key', 'the devices have no folder in common')
      bytes.release()
      onProved(peer, proved)
      return secured
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error(errorText(error)))
      if (isDeviceId(peer)) onRefused(peer, refusalReason(error, signal))
      throw error
    }
  }

  async #withDeadline(
    outer: AbortSignal | undefined,
    secure: (signal: AbortSignal) => Promise<SecuredConnection>,
  ): Promise<SecuredConnection> {
    const { clock, deadlineMs = defaultDeadlineMs } = this.#options
    const deadline = new AbortController()
    const finished = new AbortController()
    const expire = (): void => deadline.abort(new P2psyncError('peer-gone', 'the other device did not answer in time'))
    const timer = clock.sleep(deadlineMs, finished.signal).then(expire, () => undefined)
    try {
      return await secure(outer === undefined ? deadline.signal : AbortSignal.any([outer, deadline.signal]))
    } finally {
      finished.abort()
      await timer
    }
  }
}

const defaultDeadlineMs = 10_000

function refusalReason(error: unknown, signal: AbortSignal): RefusalReason {
  if (error instanceof OwnKeyElsewhere) return 'own-key'
  if (error instanceof P2psyncError && error.code === 'wrong-key') return 'no-common-folder'
  return signal.aborted ? 'timeout' : 'failed'
}
