import { P2psyncError } from '../model/errors.ts'
import type { StoreEntry, StoreOperation } from '../ports/key-value-store.ts'
import { logKey } from './index-keys.ts'

/** What the log has of one change. */
export interface LogEntry {
  readonly seq: number
  /** Of the path. */
  readonly key: Uint8Array
  /** The hash of a file's content, of which the first 8 bytes are kept; null for what is no file. */
  readonly content: Uint8Array | null
}

/** Called with the seq of each file's change and the two halves of the first 8 bytes of its content's hash. */
export type ContentTaker = (seq: number, high: number, low: number) => void

/**
 * Rows of the log for changes in ascending order. A row has changes that follow one another, under the seq of the first:
 * how many (2 bytes); for each seq - first (2) and the first 8 bytes of its content's hash, or zeroes; then for each how
 * many bytes its key shares with the one before it (2), length of the rest (2), rest. Numbers are big-endian.
 */
export function logRows(entries: readonly LogEntry[]): StoreOperation[] {
  const rows: StoreOperation[] = []
  for (const [from, to] of stretches(entries)) {
    rows.push({ type: 'put', key: logKey(entries[from]!.seq), value: encodeRow(entries, from, to) })
  }
  return rows
}

/** The seqs under which {@link logRows} puts its rows. */
export function rowSeqs(entries: readonly LogEntry[]): number[] {
  return Array.from(stretches(entries), ([from]) => entries[from]!.seq)
}

/** The changes in a row of the log. @throws {P2psyncError} `index-damaged`. */
export function decodeLogRow(key: Uint8Array, value: Uint8Array): LogEntry[] {
  const bytes = asBuffer(value)
  const first = firstSeq(key)
  const entries: LogEntry[] = []
  walkKeys(bytes, (entryAt, path) => {
    const content = hasContent(bytes, entryAt + 2) ? bytes.subarray(entryAt + 2, entryAt + entryBytes) : null
    entries.push({ seq: first + bytes.readUInt16BE(entryAt), key: Buffer.from(path), content })
  })
  return entries
}

/** Puts the path keys of those of `seqs` that the row has into `keys`. @throws {P2psyncError} `index-damaged`. */
export function findInLogRow(row: StoreEntry, seqs: ReadonlySet<number>, keys: Map<number, Uint8Array>): void {
  const bytes = asBuffer(row[1])
  const first = firstSeq(row[0])
  walkKeys(bytes, (entryAt, path) => {
    const seq = first + bytes.readUInt16BE(entryAt)
    if (seqs.has(seq)) keys.set(seq, Buffer.from(path))
  })
}

/** Tells the contents in a row of the log; looks at nothing else. @throws {P2psyncError} `index-damaged`. */
export function contentsInLogRow(key: Uint8Array, value: Uint8Array, take: ContentTaker): void {
  const bytes = asBuffer(value)
  const first = firstSeq(key)
  const end = headBytes + rowCount(bytes) * entryBytes
  for (let at = headBytes; at < end; at += entryBytes) {
    if (!hasContent(bytes, at + 2)) continue
    take(first + bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2), bytes.readUInt32BE(at + 6))
  }
}

/** The seq under which a row of the log stands. */
export function firstSeq(key: Uint8Array): number {
  return asBuffer(key).readUIntBE(1, 6)
}

/** A look-up reads a row whole, so that it is not large. */
const rowEntriesMax = 128
const seqSpanMax = 0xffff
const headBytes = 2
const contentBytes = 8
const entryBytes = 2 + contentBytes
const keyHeadBytes = 4

/** What goes into each row. */
function* stretches(entries: readonly LogEntry[]): Generator<[from: number, to: number]> {
  for (let from = 0; from < entries.length;) {
    const first = entries[from]!.seq
    let to = from + 1
    while (to < entries.length && to - from < rowEntriesMax && entries[to]!.seq - first <= seqSpanMax) to++
    yield [from, to]
    from = to
  }
}

/** Tells where each entry is and its key: a view that is good until the next. */
function walkKeys(bytes: Buffer, take: (entryAt: number, key: Buffer) => void): void {
  const count = rowCount(bytes)
  let at = headBytes + count * entryBytes
  let key = Buffer.allocUnsafe(256)
  let length = 0
  for (let entryAt = headBytes; entryAt < headBytes + count * entryBytes; entryAt += entryBytes) {
    if (at + keyHeadBytes > bytes.length) throw unreadable()
    const shared = bytes.readUInt16BE(at)
    const restAt = at + keyHeadBytes
    at = restAt + bytes.readUInt16BE(at + 2)
    if (at > bytes.length || shared > length) throw unreadable()
    length = shared + at - restAt
    if (length > key.length) key = Buffer.concat([key.subarray(0, shared)], 2 * length)
    bytes.copy(key, shared, restAt, at)
    take(entryAt, key.subarray(0, length))
  }
  if (at !== bytes.length) throw unreadable()
}

function encodeRow(entries: readonly LogEntry[], from: number, to: number): Buffer {
  const shared: number[] = []
  let length = headBytes + (to - from) * (entryBytes + keyHeadBytes)
  for (let i = from; i < to; i++) {
    const same = i === from ? 0 : sharedLength(entries[i - 1]!.key, entries[i]!.key)
    shared.push(same)
    length += entries[i]!.key.length - same
  }
  const bytes = Buffer.allocUnsafe(length)
  let entryAt = bytes.writeUInt16BE(to - from, 0)
  let at = headBytes + (to - from) * entryBytes
  for (let i = from; i < to; i++) {
    const { seq, key, content } = entries[i]!
    entryAt = bytes.writeUInt16BE(seq - entries[from]!.seq, entryAt)
    for (let n = 0; n < contentBytes; n++) bytes[entryAt++] = content === null ? 0 : content[n]!
    const same = shared[i - from]!
    at = bytes.writeUInt16BE(same, at)
    at = bytes.writeUInt16BE(key.length - same, at)
    for (let n = same; n < key.length; n++) bytes[at++] = key[n]!
  }
  return bytes
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  let same = 0
  while (same < length && a[same] === b[same]) same++
  return same
}

/** Nobody finds a file whose hash begins with eight zeroes. */
function hasContent(bytes: Buffer, at: number): boolean {
  for (let i = at; i < at + contentBytes; i++) if (bytes[i] !== 0) return true
  return false
}

function rowCount(bytes: Buffer): number {
  const count = bytes.length < headBytes ? 0 : bytes.readUInt16BE(0)
  if (count === 0 || headBytes + count * entryBytes > bytes.length) throw unreadable()
  return count
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function unreadable(): P2psyncError {
  return new P2psyncError('index-damaged', 'the index holds a row of the log that cannot be read')
}
