import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'
import type { NoiseComponents } from '@libp2p/noise'
import type { DeviceId } from '../model/device-id.ts'
import { P2psyncError } from '../model/errors.ts'
import type { FolderId } from '../model/folder-id.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { FolderKeys } from './folder-keys.ts'
import { gatedNoise, gatedNoiseProtocol, type RefusalReason } from './gated-noise.ts'
import { OwnKey } from './own-key.ts'

/** What both sides proved when a connection was made. */
export interface Proof {
  readonly folders: readonly FolderId[]
  /** Of the set of our folders that was offered. */
  readonly generation: number
}

/** A handshake that ended without a common folder, was not carried through, or met our own key. */
export interface Refusal {
  readonly device: DeviceId
  /** The multiaddr at the other end. */
  readonly address: string
  readonly inbound: boolean
  readonly reason: RefusalReason
  /** Milliseconds since 1970. */
  readonly atMs: number
}

export interface HandshakesOptions {
  readonly offer: () => { readonly folders: readonly FolderKeys[]; readonly generation: number }
  readonly onRefused: (refusal: Refusal) => void
  /** Resolves when there is something to offer: inbound handshakes begin then. */
  readonly ready: () => Promise<void>
  readonly clock: Clock
  readonly random: Random
}

/**
 * Runs the gate for each connection and remembers what it proved. libp2p does not hand the encrypter the connection that
 * will come of it, but both carry the same `timeline` object, which is the key here.
 */
export class Handshakes {
  readonly #options: HandshakesOptions
  readonly #proofs = new WeakMap<object, Proof>()
  readonly #ownKey: OwnKey
  #twin: Refusal | null = null
  #refusals: readonly Refusal[] = []

  constructor(options: HandshakesOptions) {
    this.#options = options
    this.#ownKey = new OwnKey(options.random)
  }

  /** What was proved on a connection; null for one that did not pass the gate. */
  proofOf(connection: { readonly timeline: object }): Proof | null {
    return this.#proofs.get(connection.timeline) ?? null
  }

  /** Another process that has the key of this device, once one was met: nothing is proved to anybody from then on. */
  get twin(): Refusal | null {
    return this.#twin
  }

  /** Newest first, at most 100. */
  refusals(): readonly Refusal[] {
    return this.#refusals
  }

  /** The only encrypter that the node may be given. */
  encrypter(): (components: NoiseComponents) => ConnectionEncrypter {
    return (components) => {
      const gate = (connection: MessageStream): ConnectionEncrypter => this.#gate(connection, components)
      return {
        protocol: gatedNoiseProtocol,
        secureOutbound: (connection, options) => gate(connection).secureOutbound(connection, options),
        // Who dials us before our folders are there is not refused: that would make it wait long before it tries again.
        secureInbound: async (connection, options) => {
          await unlessAborted(this.#options.ready(), options?.signal)
          return gate(connection).secureInbound(connection, options)
        },
      }
    }
  }

  #gate(connection: MessageStream, components: NoiseComponents): ConnectionEncrypter {
    const { offer, clock, random } = this.#options
    const { folders, generation } = offer()
    return gatedNoise({
      folders: () => {
        if (this.#twin === null) return folders
        throw new P2psyncError('peer-gone', 'another process has the key of this device')
      },
      ownKey: this.#ownKey,
      clock,
      random,
      onProved: (_device, proved) => this.#proofs.set(connection.timeline, { folders: proved, generation }),
      onRefused: (device, reason) => this.#refused(connection, { device, reason }),
    })(components)
  }

  #refused(connection: MessageStream, { device, reason }: Pick<Refusal, 'device' | 'reason'>): void {
    const address = 'remoteAddr' in connection ? String(connection.remoteAddr).replace(/\/p2p\/[^/]*$/, '') : ''
    const inbound = connection.direction === 'inbound'
    const refusal: Refusal = { device, address, inbound, reason, atMs: this.#options.clock.now() }
    if (reason === 'own-key') this.#twin ??= refusal
    this.#refusals = [refusal, ...this.#refusals].slice(0, refusalsMax)
    this.#options.onRefused(refusal)
  }
}

const refusalsMax = 100

/** A place among the pending connections is not held longer than libp2p grants it. */
async function unlessAborted(ready: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(new P2psyncError('peer-gone', 'no folder was opened in time'))
  if (signal?.aborted === true) abort()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    await Promise.race([ready, aborted])
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}
