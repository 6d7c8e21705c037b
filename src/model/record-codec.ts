import { blockHashBytes, blockHashFromBytes, type BlockHash } from './block-hash.ts'
import { P2psyncError } from './errors.ts'
import type { EntryKind, FileRecord, Fingerprint } from './file-record.ts'
import {
  counterMax,
  deviceNameBytesMax,
  fileSizeBytesMax,
  linkTargetBytesMax,
  pathBytesMax,
  versionEntriesMax,
} from './limits.ts'
import { parseRelativePath, type RelativePath } from './relative-path.ts'
import type { VersionVector } from './version-vector.ts'
import { WireReader } from './wire-reader.ts'
import { varintBytes, WireWriter } from './wire-writer.ts'
import { writerIdBytes, writerIdFromBytes, writerIdToBytes, type WriterId } from './writer-id.ts'

/**
 * The one encoding of a record: on the wire, in the index, and under the hash that the Merkle tree holds. Equal records
 * have equal bytes, and bytes that are not what this encoder writes are refused.
 *
 * Fields: 1 path, 2 kind (1 file, 2 folder, 3 symlink, 4 tombstone), 3 size, 4 mtime seconds (zig-zag), 5 mtime
 * nanoseconds, 6 executable, 7 link target, 8 content, 9 version entries (each: 1 writer, 2 counter), 10 writer,
 * 11 writer's name, 12 basis.
 */
export function encodeRecord(record: FileRecord): Uint8Array {
  writeRecord(scratch.clear(), record)
  return scratch.finish()
}

/** As {@link encodeRecord}, behind what `writer` has; returns where in it a file's content (32 bytes) begins. */
export function writeRecord(writer: WireWriter, record: FileRecord): number {
  const seconds = record.mtimeNs / nanosecondsPerSecond
  const nanoseconds = Number(record.mtimeNs - seconds * nanosecondsPerSecond)
  const negative = nanoseconds < 0
  writer
    .string(1, record.path)
    .uint(2, kinds.indexOf(record.kind))
    .uint(3, record.sizeBytes)
    .sint(4, Number(seconds) - (negative ? 1 : 0))
    .uint(5, negative ? nanoseconds + 1e9 : nanoseconds)
    .bool(6, record.executable)
    .string(7, record.linkTarget)
  if (record.content !== '') writer.base64(8, record.content)
  const contentAt = writer.length - blockHashBytes
  for (const [id, counter] of record.version) {
    const length = 2 + writerIdBytes + (counter === 0 ? 0 : 1 + varintBytes(counter))
    writer.message(9, length).bytes(1, bytesOfWriter(id)).uint(2, counter)
  }
  writer.bytes(10, bytesOfWriter(record.writer)).string(11, record.writerName).string(12, record.basis)
  return contentAt
}

/** One for all: what is written is done with before the next begins. */
const scratch = new WireWriter(1024)

/** A folder knows few writers, and every record names some. */
const writerBytes = new Map<WriterId, Uint8Array>()
const writersKeptMax = 256

function bytesOfWriter(writer: WriterId): Uint8Array {
  let bytes = writerBytes.get(writer)
  if (bytes === undefined) {
    if (writerBytes.size >= writersKeptMax) writerBytes.clear()
    bytes = new Uint8Array(writerIdToBytes(writer))
    writerBytes.set(writer, bytes)
  }
  return bytes
}

/**
 * Decodes and checks one record.
 *
 * @throws {P2psyncError} `bad-message` or `bad-path`: the record is refused, nothing of it is repaired.
 */
export function decodeRecord(bytes: Uint8Array): FileRecord {
  const record = recordOf(readFields(bytes))
  parseRelativePath(record.path)
  checkRecord(record)
  writeRecord(scratch.clear(), record)
  if (scratch.written.compare(bytes) !== 0) refuse('bytes that are not in canonical form')
  return record
}

/**
 * Decodes what {@link encodeRecord} wrote here: the caller knows by a hash that these are its bytes, so that nothing but
 * their shape is checked, at half the cost.
 */
export function decodeOwnRecord(bytes: Uint8Array): FileRecord {
  return recordOf(readFields(bytes))
}

function recordOf(draft: Draft): FileRecord {
  return {
    path: draft.path as RelativePath,
    kind: draft.kind,
    sizeBytes: draft.sizeBytes,
    mtimeNs: BigInt(draft.seconds) * nanosecondsPerSecond + BigInt(draft.nanoseconds),
    executable: draft.executable,
    linkTarget: draft.linkTarget,
    content: draft.content,
    version: draft.version,
    writer: draft.writer ?? refuse('no writer'),
    writerName: draft.writerName,
    basis: draft.basis as Fingerprint,
  }
}

const kinds: readonly (EntryKind | '')[] = ['', 'file', 'folder', 'symlink', 'tombstone']
const nanosecondsPerSecond = 1_000_000_000n
const basisBytesMax = linkTargetBytesMax + 1

interface Draft {
  path: string
  kind: EntryKind
  sizeBytes: number
  seconds: number
  nanoseconds: number
  executable: boolean
  linkTarget: string
  content: BlockHash | ''
  version: [WriterId, number][]
  writer: WriterId | null
  writerName: string
  basis: string
}

function readFields(bytes: Uint8Array): Draft {
  const draft: Draft = {
    path: '',
    kind: 'file',
    sizeBytes: 0,
    seconds: 0,
    nanoseconds: 0,
    executable: false,
    linkTarget: '',
    content: '',
    version: [],
    writer: null,
    writerName: '',
    basis: '',
  }
  const reader = new WireReader(bytes)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) draft.path = reader.string(pathBytesMax)
    else if (field === 2) draft.kind = kinds[reader.uint(4)] || refuse('no kind')
    else if (field === 3) draft.sizeBytes = reader.uint(fileSizeBytesMax)
    else if (field === 4) draft.seconds = reader.sint()
    else if (field === 5) draft.nanoseconds = reader.uint(999_999_999)
    else if (field === 6) draft.executable = reader.bool()
    else if (field === 7) draft.linkTarget = reader.string(linkTargetBytesMax)
    else if (field === 8) draft.content = blockHashFromBytes(reader.bytes(blockHashBytes))
    else if (field === 9) draft.version.push(readVersionEntry(reader.bytes(64)))
    else if (field === 10) draft.writer = writerIdFromBytes(reader.bytes(writerIdBytes))
    else if (field === 11) draft.writerName = reader.string(deviceNameBytesMax)
    else if (field === 12) draft.basis = reader.string(basisBytesMax)
    else refuse(`the unknown field ${field}`)
    if (draft.version.length > versionEntriesMax) refuse('too many version entries')
  }
  return draft
}

function readVersionEntry(bytes: Uint8Array): [WriterId, number] {
  const reader = new WireReader(bytes)
  let writer: WriterId | null = null
  let counter = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) writer = writerIdFromBytes(reader.bytes(writerIdBytes))
    else if (field === 2) counter = reader.uint(counterMax)
    else refuse('an unknown field in a version')
  }
  if (counter === 0) refuse('a counter of zero')
  return [writer ?? refuse('a version without a writer'), counter]
}

function checkRecord(record: FileRecord): void {
  const file = record.kind === 'file'
  if (file !== (record.content !== '')) refuse('a content that does not fit its kind')
  if (!file && (record.sizeBytes !== 0 || record.executable)) refuse('a size or mode that does not fit its kind')
  if ((record.kind === 'symlink') !== (record.linkTarget !== '')) refuse('a link target that does not fit its kind')
  if (record.linkTarget.includes('\0')) refuse('a link target with a NUL')
  checkVersion(record.version)
}

function checkVersion(version: VersionVector): void {
  if (version.length === 0) refuse('an empty version')
  for (let i = 1; i < version.length; i++) {
    if (version[i - 1]![0] >= version[i]![0]) refuse('a version that is not in order')
  }
}

function refuse(what: string): never {
  throw new P2psyncError('bad-message', `the record has ${what}`)
}
