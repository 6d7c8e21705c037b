import { P2psyncError } from '../model/errors.ts'
import type { TreeEntry } from '../merkle/node-hash.ts'
import type { RowPlace } from './lazy-row.ts'
import { rowHashAt, rowHashEnd } from './row-codec.ts'

/**
 * The rows of one leaf of the tree, as one value of the database: whether the leaf has an end (1 byte), length (2) and
 * bytes of that end, which is the first key of the next leaf, then for each row length of its key (2), length of the row
 * (3), key, row. Numbers are big-endian. The end tells a reader whether a key that is not in the page is in no other.
 */
export interface LeafPage {
  /** Null: the last leaf. */
  readonly end: Uint8Array | null
  readonly entries: readonly PageEntry[]
}

/** A row under the key of its path; its hash is that of the record. All are views of the page. */
export interface PageEntry extends TreeEntry {
  readonly row: Uint8Array
}

const headBytes = 3
const entryHeadBytes = 5

/** The page's bytes in a fresh array. */
export function encodePage(end: Uint8Array | null, entries: readonly PageEntry[]): Uint8Array {
  let length = headBytes + (end?.length ?? 0)
  for (const { key, row } of entries) length += entryHeadBytes + key.length + row.length
  const bytes = Buffer.allocUnsafe(length)
  bytes[0] = end === null ? 0 : 1
  bytes.writeUInt16BE(end?.length ?? 0, 1)
  let at = headBytes
  if (end !== null) {
    bytes.set(end, at)
    at += end.length
  }
  for (const { key, row } of entries) {
    bytes.writeUInt16BE(key.length, at)
    bytes.writeUIntBE(row.length, at + 2, 3)
    bytes.set(key, at + entryHeadBytes)
    bytes.set(row, at + entryHeadBytes + key.length)
    at += entryHeadBytes + key.length + row.length
  }
  return bytes
}

/** @throws {P2psyncError} `index-damaged`. Keeps views of `page`. */
export function decodePage(page: Uint8Array): LeafPage {
  const bytes = asBuffer(page)
  const entries: PageEntry[] = []
  let at = entriesAt(bytes)
  while (at < bytes.length) {
    const keyAt = at + entryHeadBytes
    const rowAt = keyAt + readLength(bytes, at, 2)
    at = rowAt + readLength(bytes, keyAt - 3, 3)
    if (at > bytes.length) throw unreadable()
    const hash = bytes.subarray(rowAt + rowHashAt, rowAt + rowHashEnd)
    entries.push({ key: bytes.subarray(keyAt, rowAt), hash, row: bytes.subarray(rowAt, at) })
  }
  return { end: pageEnd(bytes), entries }
}

/** Where the rows of a page are: what {@link decodePage} makes no views of. @throws {P2psyncError} `index-damaged`. */
export function placesInPage(page: Uint8Array): RowPlace[] {
  const bytes = asBuffer(page)
  const places: RowPlace[] = []
  let at = entriesAt(bytes)
  while (at < bytes.length) {
    const keyAt = at + entryHeadBytes
    const rowAt = keyAt + readLength(bytes, at, 2)
    at = rowAt + readLength(bytes, keyAt - 3, 3)
    if (at > bytes.length) throw unreadable()
    places.push({ keyAt, rowAt, rowEnd: at })
  }
  return places
}

/** The row under `key`; null when no page has it, undefined when another page may. A view of `page`. */
export function findInPage(page: Uint8Array, key: Uint8Array): Uint8Array | null | undefined {
  const bytes = asBuffer(page)
  const count = findStarts(bytes)
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    const keyAt = starts[middle]! + entryHeadBytes
    const rowAt = keyAt + readLength(bytes, keyAt - entryHeadBytes, 2)
    const order = bytes.compare(key, 0, key.length, keyAt, rowAt)
    if (order === 0) return bytes.subarray(rowAt, middle + 1 < count ? starts[middle + 1] : bytes.length)
    if (order < 0) low = middle + 1
    else high = middle
  }
  if (low < count) return null
  const end = pageEnd(bytes)
  return end === null || Buffer.compare(key, end) < 0 ? null : undefined
}

/** Where the entries of the page begin that was looked into last. */
const starts: number[] = []

/** Sets {@link starts}; returns how many there are. */
function findStarts(bytes: Buffer): number {
  let count = 0
  let at = entriesAt(bytes)
  while (at < bytes.length) {
    starts[count++] = at
    const keyAt = at + entryHeadBytes
    at = keyAt + readLength(bytes, at, 2) + readLength(bytes, keyAt - 3, 3)
    if (at > bytes.length) throw unreadable()
  }
  return count
}

function entriesAt(bytes: Buffer): number {
  const at = headBytes + readLength(bytes, 1, 2)
  if (at > bytes.length) throw unreadable()
  return at
}

function pageEnd(bytes: Buffer): Uint8Array | null {
  return bytes[0] === 0 ? null : bytes.subarray(headBytes, headBytes + readLength(bytes, 1, 2))
}

function readLength(bytes: Buffer, at: number, size: 2 | 3): number {
  if (at + size > bytes.length) throw unreadable()
  const two = bytes[at]! * 256 + bytes[at + 1]!
  return size === 2 ? two : two * 256 + bytes[at + 2]!
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function unreadable(): P2psyncError {
  return new P2psyncError('index-damaged', 'the index holds a page that cannot be read')
}
