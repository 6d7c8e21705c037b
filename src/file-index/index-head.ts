import { makeWriterId, type WriterId } from '../model/writer-id.ts'
import { P2psyncError } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import type { Random } from '../ports/random.ts'
import { pagesProblem } from './check-pages.ts'
import { layoutVersion, metaKeys } from './index-keys.ts'
import { loadTree } from './leaf-rows.ts'
import { migrateLayout } from './migrate-layout.ts'
import { emptyTree, rootHash, type MerkleTree } from '../merkle/merkle-tree.ts'
import { readRange } from './read-range.ts'

/** How much the index holds. */
export interface TreeCounts {
  /** All records: files, folders, links and tombstones. */
  readonly entries: number
  readonly files: number
  readonly folders: number
  readonly links: number
  readonly tombstones: number
  /** Of files. */
  readonly bytes: number
}

/** The root (32 bytes) and how much is below it. */
export interface TreeSummary extends TreeCounts {
  readonly hash: Uint8Array
}

const noCounts: TreeCounts = { entries: 0, files: 0, folders: 0, links: 0, tombstones: 0, bytes: 0 }

/** Counts one record more (`sign` 1) or less (-1). */
export function count(
  counts: { -readonly [name in keyof TreeCounts]: number },
  record: Pick<FileRecord, 'kind' | 'sizeBytes'>,
  sign: 1 | -1,
): void {
  counts.entries += sign
  counts[countNames[record.kind]] += sign
  counts.bytes += sign * record.sizeBytes
}

const countNames = { file: 'files', folder: 'folders', symlink: 'links', tombstone: 'tombstones' } as const

/** What an opened index knows besides its rows. */
export interface IndexHead {
  readonly writer: WriterId
  readonly epoch: string
  readonly seq: number
  readonly counts: TreeCounts
  /** Changes in the log, those that were overtaken among them. */
  readonly logged: number
  readonly tree: MerkleTree
  /** It was not closed in order the last time. */
  readonly isAfterCrash: boolean
}

/** Sequence numbers set aside by one durable write. */
export const seqReserve = 100_000

export interface OpenOptions {
  /** 8 bytes derived from the device's id. */
  readonly deviceTag: Uint8Array
  readonly random: Random
  /** By default {@link seqReserve}. */
  readonly seqReserve?: number
}

/**
 * Reads what a store holds, or begins it. An index that was not closed in order is checked as a whole, and its sequence
 * goes on above every number that may have been given out: a peer may know changes that this disk has lost.
 *
 * @throws {P2psyncError} `index-failed` when its layout is of a later version, `index-damaged` when its tree is not that of its rows.
 */
export async function openHead(store: KeyValueStore, options: OpenOptions): Promise<IndexHead> {
  const [layout, stored, head, ceiling] = await store.getMany([
    metaKeys.layout,
    metaKeys.incarnation,
    metaKeys.head,
    metaKeys.ceiling,
  ])
  if (layout === undefined || stored === undefined) {
    await beginIndex(store)
  } else {
    await migrateLayout(store, layout)
  }
  if ((stored?.length ?? 8) !== 8 || (ceiling?.length ?? 6) !== 6) throw damaged('has numbers that cannot be read')
  const incarnation = stored ?? options.random.bytes(8)
  const decoded =
    head === undefined ? { seq: 0, counts: noCounts, logged: 0, root: rootHash(emptyTree) } : decodeHead(head)
  const tree = await loadTree(store)
  if (decoded.root !== null && Buffer.compare(rootHash(tree), decoded.root) !== 0) {
    throw damaged('was damaged: its tree is another')
  }
  let { seq } = decoded
  if (ceiling !== undefined) {
    const problem = await pagesProblem(store, tree, decoded)
    if (problem !== null) throw damaged(`was damaged: ${problem}`)
    seq = Math.max(seq, decodeSeq(ceiling))
  }
  const operations: StoreOperation[] = [
    { type: 'put', key: metaKeys.layout, value: Uint8Array.of(layoutVersion) },
    { type: 'put', key: metaKeys.incarnation, value: incarnation },
    {
      type: 'put',
      key: metaKeys.head,
      value: encodeHead({ seq, counts: decoded.counts, logged: decoded.logged, tree }),
    },
    { type: 'put', key: metaKeys.ceiling, value: encodeSeq(seq + (options.seqReserve ?? seqReserve)) },
  ]
  await store.batch(operations, { durable: true })
  const epoch = Buffer.from(incarnation).toString('hex')
  const { counts, logged } = decoded
  const writer = makeWriterId(options.deviceTag, incarnation)
  return { writer, epoch, seq, counts, logged, tree, isAfterCrash: ceiling !== undefined }
}

/**
 * Reads all of an index that nobody uses, and changes nothing: what is wrong with it, or null. One of another layout is not
 * looked at.
 *
 * @throws {P2psyncError} `index-damaged`, `index-failed`.
 */
export async function indexProblem(store: KeyValueStore): Promise<string | null> {
  const [layout, head] = await store.getMany([metaKeys.layout, metaKeys.head])
  if (layout === undefined || head === undefined || layout[0] !== layoutVersion) return null
  const decoded = decodeHead(head)
  const tree = await loadTree(store)
  if (decoded.root !== null && Buffer.compare(rootHash(tree), decoded.root) !== 0) return 'its tree is another'
  return pagesProblem(store, tree, decoded)
}

/** Seq (6 bytes), then the counts (6 bytes each, the bytes of files 8), then the tree's root and the length of the log (6). */
export function encodeHead(head: Pick<IndexHead, 'seq' | 'counts' | 'logged' | 'tree'>): Uint8Array {
  const { seq, counts, logged, tree } = head
  const bytes = Buffer.allocUnsafe(headBytes)
  let at = bytes.writeUIntBE(seq, 0, 6)
  for (const number of [counts.entries, counts.files, counts.folders, counts.links, counts.tombstones]) {
    at = bytes.writeUIntBE(number, at, 6)
  }
  at = bytes.writeBigUInt64BE(BigInt(counts.bytes), at)
  bytes.set(rootHash(tree), at)
  bytes.writeUIntBE(logged, loggedAt, 6)
  return bytes
}

export function encodeSeq(seq: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(6)
  bytes.writeUIntBE(seq, 0, 6)
  return bytes
}

export function decodeSeq(bytes: Uint8Array): number {
  return Buffer.from(bytes).readUIntBE(0, 6)
}

interface StoredHead extends Pick<IndexHead, 'seq' | 'counts' | 'logged'> {
  /** Null in a head that was written before roots were. */
  readonly root: Uint8Array | null
}

function decodeHead(value: Uint8Array): StoredHead {
  if (value.length !== headBytes && value.length !== loggedAt && value.length !== rootAt)
    throw damaged('has a head that cannot be read')
  const bytes = Buffer.from(value)
  const [entries, files, folders, links, tombstones] = [6, 12, 18, 24, 30].map((at) => bytes.readUIntBE(at, 6)) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const counts = { entries, files, folders, links, tombstones, bytes: Number(bytes.readBigUInt64BE(36)) }
  // The log of layout 1 had nothing but what is current.
  const logged = value.length === headBytes ? bytes.readUIntBE(loggedAt, 6) : entries
  const root = value.length === rootAt ? null : bytes.subarray(rootAt, loggedAt)
  return { seq: bytes.readUIntBE(0, 6), counts, logged, root }
}

const rootAt = 44
const loggedAt = rootAt + 32
const headBytes = loggedAt + 6

async function beginIndex(store: KeyValueStore): Promise<void> {
  const found = await readRange(store, { from: new Uint8Array(0), to: Uint8Array.of(0xff), limit: 1 })
  if (found.length > 0) throw damaged('holds rows but not its layout version')
}

function damaged(what: string): P2psyncError {
  return new P2psyncError('index-damaged', `the index ${what}`, {
    hint: 'Start the node again: the index is set aside and built anew from the files.',
  })
}
