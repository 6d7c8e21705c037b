import { hashBlock } from '../blocks/hash.ts'
import { blockHashBytes, blockHashToBytes } from '../model/block-hash.ts'
import { entryHashBytes } from '../merkle/node-hash.ts'
import { sameDiskState, type DiskState } from '../model/disk-state.ts'
import { diskStateBytes, putDiskState, readDiskState } from '../model/disk-state-codec.ts'
import { P2psyncError } from '../model/errors.ts'
import type { EntryKind, FileRecord } from '../model/file-record.ts'
import { decodeOwnRecord, writeRecord } from '../model/record-codec.ts'
import { WireReader } from '../model/wire-reader.ts'
import { WireWriter } from '../model/wire-writer.ts'

/** What the index knows of one path. */
export interface IndexRow {
  readonly record: FileRecord
  /** What the disk held when the record was committed or {@link DiskState} last updated; null for nothing. */
  readonly disk: DiskState | null
  /** The place of the record in the sequence log. */
  readonly seq: number
}

/**
 * A row: kind of the record (1 byte), the first 16 bytes of its hash, seq (6), length of the disk state (1), disk state,
 * the encoded record. Numbers are big-endian. What walks the tree or looks for live rows reads the head alone.
 */
export interface RowHead {
  readonly live: boolean
  /** 16 bytes: a view. */
  readonly hash: Uint8Array
  readonly seq: number
}

const kindCodes = { file: 1, folder: 2, symlink: 3, tombstone: 4 } as const
const kinds: readonly (EntryKind | undefined)[] = [undefined, 'file', 'folder', 'symlink', 'tombstone']
/** Where a row has the hash of its record. */
export const rowHashAt = 1
export const rowHashEnd = rowHashAt + entryHashBytes
const seqAt = rowHashEnd
const diskLengthAt = seqAt + 6
const diskAt = diskLengthAt + 1
const diskBytes = diskStateBytes

/** A row as a commit needs it. All arrays are views of the row but the key. */
export interface EncodedRow {
  readonly row: Uint8Array
  /** Of the path. */
  readonly key: Uint8Array
  /** The first 16 bytes of the hash of the record. */
  readonly hash: Uint8Array
  /** Null for what is no file. */
  readonly content: RowContent | null
}

/** One for all rows: an encoding is copied before the next begins. */
const scratch = new WireWriter(4096)

/** The row's bytes in a fresh array. */
export function encodeRow({ record, disk, seq }: IndexRow): EncodedRow {
  const contentInRecord = writeRecord(scratch.clear(), record)
  const encoded = scratch.written
  const recordAt = diskAt + (disk === null ? 0 : diskBytes)
  const row = Buffer.allocUnsafe(recordAt + encoded.length)
  row[0] = kindCodes[record.kind]
  row.write(hashBlock(encoded), rowHashAt, entryHashBytes, 'base64url')
  row.writeUIntBE(seq, seqAt, 6)
  row[diskLengthAt] = recordAt - diskAt
  if (disk !== null) putDiskState(row, diskAt, disk)
  encoded.copy(row, recordAt)
  const contentAt = recordAt + contentInRecord
  const isFile = record.content !== ''
  return {
    row,
    key: keyOf(encoded),
    hash: row.subarray(rowHashAt, rowHashEnd),
    content: isFile ? { hash: row.subarray(contentAt, contentAt + blockHashBytes), sizeBytes: record.sizeBytes } : null,
  }
}

/** The key of the path of an encoded record, which begins with the path: as `pathKey` gives it, at half the cost. */
function keyOf(encoded: Buffer): Uint8Array {
  let length = 0
  let at = 1
  for (let factor = 1; ; factor *= 0x80) {
    const byte = encoded[at++]!
    length += (byte & 0x7f) * factor
    if (byte < 0x80) break
  }
  const key = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) {
    const byte = encoded[at + i]!
    key[i] = byte === slash ? 0 : byte
  }
  return key
}

const slash = 0x2f

/** The same row with another disk state, in a fresh array. */
export function withDisk(row: Uint8Array, disk: DiskState | null): Uint8Array {
  const record = row.subarray(diskAt + row[diskLengthAt]!)
  const length = disk === null ? 0 : diskBytes
  const bytes = Buffer.allocUnsafe(diskAt + length + record.length)
  bytes.set(row.subarray(0, diskLengthAt))
  bytes[diskLengthAt] = length
  if (disk !== null) putDiskState(bytes, diskAt, disk)
  bytes.set(record, diskAt + length)
  return bytes
}

export function rowHead(row: Uint8Array): RowHead {
  const bytes = asBuffer(row)
  return {
    live: bytes[0] !== kindCodes.tombstone,
    hash: bytes.subarray(rowHashAt, rowHashEnd),
    seq: bytes.readUIntBE(seqAt, 6),
  }
}

/** @throws {P2psyncError} `index-damaged` when it is none. */
export function rowKind(row: Uint8Array): EntryKind {
  const kind = kinds[row[0]!]
  if (kind === undefined) throw unreadable('a row of no kind')
  return kind
}

/** @throws {P2psyncError} `index-damaged` when it cannot be read. */
export function rowDisk(row: Uint8Array): DiskState | null {
  if (row[diskLengthAt] === 0) return null
  try {
    return readDiskState(viewOf(row), diskAt)
  } catch (cause) {
    throw unreadable(cause)
  }
}

/** True for the row of something live that looked like `disk` when it was written. @throws as {@link rowDisk}. */
export function hasDisk(row: Uint8Array | undefined, disk: DiskState | null): boolean {
  return row !== undefined && isLiveRow(row, 0) && disk !== null && sameDiskState(rowDisk(row), disk)
}

/** Where the encoded disk state is in the row that begins at `rowAt`, or null when the row has none. */
export function rowDiskPlace(bytes: Uint8Array, rowAt: number): number | null {
  return bytes[rowAt + diskLengthAt] === 0 ? null : rowAt + diskAt
}

/** False for the row of a tombstone. */
export function isLiveRow(bytes: Uint8Array, rowAt: number): boolean {
  return bytes[rowAt] !== kindCodes.tombstone
}

/** @throws {P2psyncError} `index-damaged` when these are not the bytes that were written. Keeps no reference to `row`. */
export function decodeRow(row: Uint8Array): IndexRow {
  try {
    const bytes = asBuffer(row)
    const length = bytes[diskLengthAt]!
    const disk = length === 0 ? null : readDiskState(viewOf(bytes), diskAt)
    const encoded = bytes.subarray(diskAt + length)
    // The database does not check what it reads against its own checksums.
    if (bytes.compare(recordHash(encoded), 0, entryHashBytes, rowHashAt, rowHashEnd) !== 0)
      throw new RangeError('another hash')
    return { record: decodeOwnRecord(encoded), disk, seq: bytes.readUIntBE(seqAt, 6) }
  } catch (cause) {
    throw unreadable(cause)
  }
}

function unreadable(cause: unknown): P2psyncError {
  return new P2psyncError('index-damaged', 'the index holds a row that cannot be read', { cause })
}

/** What a file's row says of its bytes. */
export interface RowContent {
  /** 32 bytes: of the bytes, or of the block list. */
  readonly hash: Uint8Array
  readonly sizeBytes: number
}

/**
 * The content of a file's row, null for what is no file; nothing else is decoded or checked. A view.
 *
 * @throws {P2psyncError} `index-damaged` when it cannot be read.
 */
export function rowContent(row: Uint8Array): RowContent | null {
  if (row[0] !== kindCodes.file) return null
  try {
    let sizeBytes = 0
    const reader = new WireReader(row.subarray(diskAt + row[diskLengthAt]!))
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === recordFields.size) sizeBytes = reader.uint()
      else if (field === recordFields.content) return { hash: reader.bytes(blockHashBytes), sizeBytes }
      else reader.skip()
    }
  } catch (cause) {
    throw unreadable(cause)
  }
  throw unreadable('a file without content')
}

/** Of the record's encoding (record-codec.ts). */
const recordFields = { size: 3, content: 8 } as const

function recordHash(record: Uint8Array): Buffer {
  return asBuffer(blockHashToBytes(hashBlock(record)))
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
