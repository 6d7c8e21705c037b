import type { DeviceId } from '../model/device-id.ts'
import { P2psyncError } from '../model/errors.ts'
import type { WriterId } from '../model/writer-id.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import { decodeSeq, encodeSeq } from './index-head.ts'
import { keyRange, metaKeys, prefix, textKey } from './index-keys.ts'
import { readRange } from './read-range.ts'

/** What is known of tombstones that are gone from the index. */
export interface ForgetNote {
  /** When the wall clock was looked at last, and since when it is not trusted (0: it is): milliseconds since 1970. */
  readonly seenMs: number
  readonly doubtedSinceMs: number
  /** The day (since 1970) of the last run. */
  readonly ranDay: number
  /** No tombstone with a larger sequence number was ever forgotten. */
  readonly seq: number
  /** Peers have kept tombstones of this day, for devices that we do not know: those up to it are kept here too. */
  readonly heldDay: number
}

/** Changes of a life that others may know otherwise: those of `writer` after `afterSeq`. */
export interface Renewal {
  readonly writer: WriterId
  readonly afterSeq: number
}

/** What begins a new life, as one batch: a kill before the renewal has ended is found by the next process. */
export function newLifeRows(incarnation: Uint8Array, { writer, afterSeq }: Renewal): StoreOperation[] {
  const value = Buffer.concat([encodeSeq(afterSeq), Buffer.from(writer)])
  return [
    { type: 'put', key: metaKeys.incarnation, value: incarnation },
    { type: 'put', key: metaKeys.renewal, value },
  ]
}

/**
 * The rows beside the records that say what others know of them: when tombstones may be forgotten, and since when nobody
 * was told anything. Each write is a batch of its own.
 */
export class ForgetNotes {
  readonly #store: KeyValueStore

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  async note(): Promise<ForgetNote> {
    const value = await this.#store.get(metaKeys.forgotten)
    if (value === undefined) return { seenMs: 0, doubtedSinceMs: 0, ranDay: 0, seq: 0, heldDay: 0 }
    if (value.length !== 30) throw new P2psyncError('index-damaged', 'the index was damaged: a note cannot be read')
    const [seenMs, doubtedSinceMs, ranDay, seq, heldDay] = [0, 6, 12, 18, 24].map((at) =>
      decodeSeq(value.subarray(at, at + 6)),
    )
    return { seenMs: seenMs!, doubtedSinceMs: doubtedSinceMs!, ranDay: ranDay!, seq: seq!, heldDay: heldDay! }
  }

  setNote(note: ForgetNote): Promise<void> {
    const numbers = [note.seenMs, note.doubtedSinceMs, note.ranDay, note.seq, note.heldDay]
    return this.#store.batch([{ type: 'put', key: metaKeys.forgotten, value: Buffer.concat(numbers.map(encodeSeq)) }])
  }

  /** After which change nobody was told of our log; null when somebody may have been told all of it. */
  async quietSince(): Promise<number | null> {
    const value = await this.#store.get(metaKeys.quiet)
    if (value === undefined) return null
    if (value.length !== 6) throw new P2psyncError('index-damaged', 'the index was damaged: a note cannot be read')
    return decodeSeq(value)
  }

  /** As {@link quietSince} gives it; null is on the disk when this resolves. */
  setQuietSince(seq: number | null): Promise<void> {
    const key = metaKeys.quiet
    if (seq === null) return this.#store.batch([{ type: 'del', key }], { durable: true })
    return this.#store.batch([{ type: 'put', key, value: encodeSeq(seq) }])
  }

  /** What has still to be given versions of this life. */
  async renewal(): Promise<Renewal | null> {
    const value = await this.#store.get(metaKeys.renewal)
    if (value === undefined) return null
    return { writer: Buffer.from(value.subarray(6)).toString() as WriterId, afterSeq: decodeSeq(value.subarray(0, 6)) }
  }

  /** All of it has: on the disk, with the commits before it, when this resolves. */
  endRenewal(): Promise<void> {
    return this.#store.batch([{ type: 'del', key: metaKeys.renewal }], { durable: true })
  }

  /** A device held all of our log up to `seq`: its root was ours. */
  setAck(device: DeviceId, seq: number): Promise<void> {
    return this.#store.batch([{ type: 'put', key: textKey(prefix.ack, device), value: encodeSeq(seq) }])
  }

  /** How much of our log every device holds that we have ever been in sync with; infinite when there is none. */
  async ackedByAll(): Promise<number> {
    const peers = await readRange(this.#store, keyRange(prefix.peer, new Uint8Array(0), null))
    const acks = await this.#store.getMany(
      peers.map(([key]) => textKey(prefix.ack, Buffer.from(key.subarray(1)).toString('utf8'))),
    )
    return acks.reduce(
      (least, ack) => Math.min(least, ack === undefined ? 0 : decodeSeq(ack)),
      Number.POSITIVE_INFINITY,
    )
  }
}
