import { blockHashBytes } from './block-hash.ts'
import { P2psyncError } from './errors.ts'
import { counterMax, deviceNameBytesMax, pathBytesMax } from './limits.ts'
import { isBelow, parseRelativePath, type RelativePath } from './relative-path.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'
import { writerIdBytes, writerIdFromBytes, writerIdToBytes, type WriterId } from './writer-id.ts'

/**
 * A folder that got another path, or was removed, with all that was in it. Whoever holds the same records as its writer
 * did before derives from this alone the records that the writer has after.
 */
export interface FolderMove {
  readonly from: RelativePath
  /** Null: it was removed. */
  readonly to: RelativePath | null
  readonly writer: WriterId
  readonly writerName: string
  /** Of the writer, in the version of each record that the move changes. */
  readonly counter: number
  /** When it was noticed: milliseconds since 1970. The time of the tombstones that it leaves. */
  readonly movedAtMs: number
  /** 32 bytes: the digest of the records that it changes, as they were before. */
  readonly before: Uint8Array
}

/** Names a move among all others, those that a forgotten life of its writer's database made included. */
export function moveKey({ writer, counter, from, to, before }: FolderMove): string {
  return `${writer} ${counter} ${Buffer.from(before).toString('hex')} ${from}\0${to ?? ''}`
}

/** Where `path`, which is `from` or below it, is once `from` has become `to`. */
export function movedPath(path: RelativePath, { from, to }: FolderPaths): RelativePath {
  return `${to}${path.slice(from.length)}` as RelativePath
}

/** The paths of a folder that is somewhere else now. */
export interface FolderPaths {
  readonly from: RelativePath
  readonly to: RelativePath
}

/** A folder cannot move into itself, nor a record of a path be about two. */
export function isMovable({ from, to }: Pick<FolderMove, 'from' | 'to'>): boolean {
  if (to === null) return true
  return from !== to && !isBelow(to, from) && !isBelow(from, to)
}

export function encodeMove(move: FolderMove): Uint8Array {
  const writer = new WireWriter().string(1, move.from)
  if (move.to !== null) writer.string(2, move.to)
  return writer
    .bytes(3, writerIdToBytes(move.writer))
    .string(4, move.writerName)
    .uint(5, move.counter)
    .sint(6, move.movedAtMs)
    .bytes(7, move.before)
    .finish()
}

/** @throws {P2psyncError} `bad-message` or `bad-path`. Keeps no reference to `bytes`. */
export function decodeMove(bytes: Uint8Array): FolderMove {
  const reader = new WireReader(bytes)
  let to: string | null = null
  let [from, writer, writerName, counter, movedAtMs] = ['', '', '', 0, 0]
  let before = new Uint8Array(0)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) from = reader.string(pathBytesMax)
    else if (field === 2) to = reader.string(pathBytesMax)
    else if (field === 3) writer = writerIdFromBytes(exactly(reader.bytes(writerIdBytes), writerIdBytes))
    else if (field === 4) writerName = reader.string(deviceNameBytesMax)
    else if (field === 5) counter = reader.uint(counterMax)
    else if (field === 6) movedAtMs = reader.sint()
    else if (field === 7) before = exactly(reader.bytes(blockHashBytes), blockHashBytes).slice()
    else reader.skip()
  }
  const paths = { from: parseRelativePath(from), to: to === null ? null : parseRelativePath(to) }
  if (writer === '' || counter === 0 || before.length === 0 || !isMovable(paths)) {
    throw new P2psyncError('bad-message', 'a move that says too little')
  }
  return { ...paths, writer: writer as WriterId, writerName, counter, movedAtMs, before }
}

function exactly(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw new P2psyncError('bad-message', `${bytes.length} bytes where ${length} belong`)
  return bytes
}
