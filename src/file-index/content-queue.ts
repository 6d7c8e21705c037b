import { blockHashBytes } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import { isSingleBlock } from '../model/file-record.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import { keyText, planContents, type ContentChange } from './content-rows.ts'
import { encodeSeq } from './index-head.ts'
import { keyRange, prefix, prefixed } from './index-keys.ts'
import { readRange } from './read-range.ts'
import type { RowContent } from './row-codec.ts'

/** What a commit writes about contents, and what to do once it is written. */
export interface QueuePlan {
  readonly operations: readonly StoreOperation[]
  readonly written: () => void
}

/**
 * Contents that came and went and do not stand in the rows of contents yet. Those rows lie all over the database, so
 * that a commit only notes what it changes, in one row; thousands of changes are then brought in together, when so many
 * have gathered or when somebody looks for a content. Nothing is lost by a crash: the note is part of the commit.
 */
export class ContentQueue {
  readonly #store: KeyValueStore
  #waiting: ContentChange[]
  #notes: Uint8Array[]

  private constructor(store: KeyValueStore, waiting: ContentChange[], notes: Uint8Array[]) {
    this.#store = store
    this.#waiting = waiting
    this.#notes = notes
  }

  /** @throws {P2psyncError} `index-damaged` */
  static async load(store: KeyValueStore): Promise<ContentQueue> {
    const rows = await readRange(store, keyRange(prefix.queue, new Uint8Array(0), null))
    const waiting: ContentChange[] = []
    for (const [, note] of rows) for (const change of decodeNote(note)) waiting.push(change)
    return new ContentQueue(
      store,
      waiting,
      rows.map(([key]) => key),
    )
  }

  get isEmpty(): boolean {
    return this.#notes.length === 0
  }

  /** So much waits that it is time to {@link settle}. */
  get isFull(): boolean {
    return this.#waiting.length >= waitingMax
  }

  /** For a commit that ends at `seq`. Keeps the arrays of `changes`. */
  async plan(seq: number, changes: readonly ContentChange[]): Promise<QueuePlan> {
    const moved = changes.filter(({ before, after }) => !isSameContent(before, after))
    if (moved.length === 0) return { operations: [], written: () => undefined }
    // Block lists are large: they are written once, into their own rows.
    if (moved.some(({ after }) => after !== null && !isSingleBlock(after.sizeBytes))) {
      return this.#bringIn(this.#waiting.concat(moved))
    }
    const key = prefixed(prefix.queue, encodeSeq(seq))
    const written = (): void => {
      for (const change of moved) this.#waiting.push(change)
      this.#notes.push(key)
    }
    return { operations: [{ type: 'put', key, value: encodeNote(moved) }], written }
  }

  /** Brings in all that waits; while nobody else writes. */
  async settle(): Promise<void> {
    if (this.isEmpty) return
    const plan = await this.#bringIn(this.#waiting)
    await this.#store.batch(plan.operations)
    plan.written()
  }

  async #bringIn(changes: readonly ContentChange[]): Promise<QueuePlan> {
    const operations = await planContents(this.#store, oneEachPath(changes))
    for (const key of this.#notes) operations.push({ type: 'del', key })
    const written = (): void => {
      this.#waiting = []
      this.#notes = []
    }
    return { operations, written }
  }
}

const waitingMax = 4096

/** From what a path had first to what it has last. */
function oneEachPath(changes: readonly ContentChange[]): ContentChange[] {
  const merged = new Map<string, ContentChange>()
  for (const change of changes) {
    const text = keyText(change.key)
    const earlier = merged.get(text)
    merged.set(text, earlier === undefined ? change : { ...change, before: earlier.before })
  }
  return [...merged.values()].filter(({ before, after }) => !isSameContent(before, after))
}

function isSameContent(a: RowContent | null, b: RowContent | null): boolean {
  if (a === null || b === null) return a === b
  return isSingleBlock(a.sizeBytes) === isSingleBlock(b.sizeBytes) && Buffer.compare(a.hash, b.hash) === 0
}

/** For each change length of its key (2), key, then before and after: there is one (1), size (6), hash (32). */
function encodeNote(changes: readonly ContentChange[]): Uint8Array {
  let length = 0
  for (const { key, before, after } of changes) length += 2 + key.length + contentBytes(before) + contentBytes(after)
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  for (const { key, before, after } of changes) {
    at = bytes.writeUInt16BE(key.length, at)
    bytes.set(key, at)
    at += key.length
    for (const content of [before, after]) {
      at = bytes.writeUInt8(content === null ? 0 : 1, at)
      if (content === null) continue
      at = bytes.writeUIntBE(content.sizeBytes, at, 6)
      bytes.set(content.hash, at)
      at += blockHashBytes
    }
  }
  return bytes
}

function decodeNote(note: Uint8Array): ContentChange[] {
  const bytes = Buffer.from(note)
  const changes: ContentChange[] = []
  let at = 0
  const take = (length: number): Buffer => {
    at += length
    if (at > bytes.length) throw new P2psyncError('index-damaged', 'the index holds a note that cannot be read')
    return bytes.subarray(at - length, at)
  }
  const takeContent = (): RowContent | null => {
    if (take(1)[0] === 0) return null
    const sizeBytes = take(6).readUIntBE(0, 6)
    return { sizeBytes, hash: take(blockHashBytes) }
  }
  while (at < bytes.length) {
    const key = take(take(2).readUInt16BE(0))
    const before = takeContent()
    changes.push({ key, before, after: takeContent(), blockList: null })
  }
  return changes
}

function contentBytes(content: RowContent | null): number {
  return content === null ? 1 : 1 + 6 + blockHashBytes
}
