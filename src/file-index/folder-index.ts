import { rootHash, type MerkleTree } from '../merkle/merkle-tree.ts'
import type { LocalTree, TreeSource } from '../merkle/diff-trees.ts'
import type { BlockHash } from '../model/block-hash.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { DiskState } from '../model/disk-state.ts'
import { assert } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import { makeWriterId, type WriterId } from '../model/writer-id.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import type { Random } from '../ports/random.ts'
import { planCommit } from './commit-plan.ts'
import { listKey, locateBlocks, pathOfContent, type BlockLocation } from './content-rows.ts'
import {
  decodeSeq,
  encodeHead,
  encodeSeq,
  openHead,
  seqReserve,
  type IndexHead,
  type TreeCounts,
} from './index-head.ts'
import { belowRange, keyRange, logKey, metaKeys, prefix, prefixed, rowKey, textKey } from './index-keys.ts'
import { decodeIntent, encodeIntent, type Intent } from './intent-codec.ts'
import { LazyRow } from './lazy-row.ts'
import { readRange } from './read-range.ts'
import { decodeRow, rowHead, withDisk, type IndexRow } from './row-codec.ts'
import { StoredTree } from './stored-tree.ts'

export type { LazyRow } from './lazy-row.ts'
export type { IndexRow } from './row-codec.ts'

/** A record that is now true of this disk. */
export interface RowChange {
  readonly record: FileRecord
  readonly disk: DiskState | null
  /** The encoded block list of a file of more than one block, unless the index has it already. */
  readonly blockList?: Uint8Array | null
}

/** The root (32 bytes) and how much is below it. */
export interface TreeSummary extends TreeCounts {
  readonly hash: Uint8Array
}

/**
 * The records of one folder, what the disk looked like for each, the log of changes and the Merkle tree: every commit is
 * one atomic batch over all of them. The store has no other user; changes wait for one another, reads do not wait.
 */
export class FolderIndex {
  readonly #store: KeyValueStore
  readonly #deviceTag: Uint8Array
  readonly #random: Random
  readonly #localTree: StoredTree
  #writer: WriterId
  #epoch: string
  #seq: number
  #ceiling: number
  #counts: TreeCounts
  #tree: MerkleTree
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  /**
   * Opens the index that `store` holds, or begins one. `deviceTag` are 8 bytes derived from the device's id.
   *
   * @throws {P2psyncError} `index-damaged`, or `index-failed` when it is of a later layout; `store` is left open.
   */
  static async open(
    store: KeyValueStore,
    options: { readonly deviceTag: Uint8Array; readonly random: Random },
  ): Promise<FolderIndex> {
    return new FolderIndex(store, options, await openHead(store, options))
  }

  private constructor(store: KeyValueStore, options: { deviceTag: Uint8Array; random: Random }, head: IndexHead) {
    this.#store = store
    this.#deviceTag = options.deviceTag
    this.#random = options.random
    this.#localTree = new StoredTree(store, () => this.#tree)
    this.#writer = head.writer
    this.#epoch = head.epoch
    this.#seq = head.seq
    this.#ceiling = head.seq + seqReserve
    this.#counts = head.counts
    this.#tree = head.tree
  }

  /** This device in this life of its database. */
  get writer(): WriterId {
    return this.#writer
  }

  /** Names the sequence log: 16 hex digits, new with each new or restored database. */
  get epoch(): string {
    return this.#epoch
  }

  /** Of the last committed change; 0 when there was none. Rises by one a change, and may leap after a crash. */
  get seq(): number {
    return this.#seq
  }

  get summary(): TreeSummary {
    return { hash: rootHash(this.#tree), ...this.#counts }
  }

  async get(path: RelativePath): Promise<IndexRow | null> {
    const row = await this.#store.get(rowKey(path))
    return row === undefined ? null : decodeRow(row)
  }

  /** In the order of `paths`. */
  async getMany(paths: readonly RelativePath[]): Promise<(IndexRow | null)[]> {
    const rows = await this.#store.getMany(paths.map(rowKey))
    return rows.map((row) => (row === undefined ? null : decodeRow(row)))
  }

  /** All rows in path order, in pages of up to 1000; with `below`, those strictly below that folder. */
  async *rows(range: { readonly below?: RelativePath } = {}): AsyncGenerator<readonly IndexRow[]> {
    const keys = range.below === undefined ? keyRange(prefix.row, nothing, null) : belowRange(range.below)
    for await (const page of this.#store.pages(keys)) yield page.map(([, row]) => decodeRow(row))
  }

  /** As {@link rows}, but nothing of a row is decoded before it is asked for. */
  async *rowHeads(range: { readonly below?: RelativePath } = {}): AsyncGenerator<readonly LazyRow[]> {
    const keys = range.below === undefined ? keyRange(prefix.row, nothing, null) : belowRange(range.below)
    for await (const page of this.#store.pages(keys)) yield page.map(([key, row]) => new LazyRow(key.subarray(1), row))
  }

  async hasLiveBelow(folder: RelativePath): Promise<boolean> {
    for await (const page of this.#store.pages({ ...belowRange(folder), pageEntries: 100 })) {
      if (page.some(([, row]) => rowHead(row).live)) return true
    }
    return false
  }

  /**
   * Commits changes as one batch, each with the next seq; of several to one path the last wins. With `durable` it has
   * reached the disk when the promise resolves. `clearIntents` are ids of intents that are carried out by it.
   *
   * @throws {P2psyncError} `index-failed`, `index-damaged`: nothing was changed.
   */
  commit(
    changes: readonly RowChange[],
    options: { readonly durable?: boolean; readonly clearIntents?: readonly string[] } = {},
  ): Promise<void> {
    return this.#inTurn(async () => {
      const plan = await planCommit(this.#store, { seq: this.#seq, counts: this.#counts, tree: this.#tree }, changes)
      const operations = plan.operations
      for (const id of options.clearIntents ?? []) operations.push({ type: 'del', key: textKey(prefix.intent, id) })
      operations.push({ type: 'put', key: metaKeys.head, value: encodeHead(plan) })
      const beyond = plan.seq > this.#ceiling
      const ceiling = beyond ? plan.seq + seqReserve : this.#ceiling
      if (beyond) operations.push({ type: 'put', key: metaKeys.ceiling, value: encodeSeq(ceiling) })
      await this.#store.batch(operations, { durable: beyond || options.durable === true })
      this.#seq = plan.seq
      this.#ceiling = ceiling
      this.#counts = plan.counts
      this.#tree = plan.tree
    })
  }

  /** Sets what the disk looks like for records that stay as they are; paths without a record are left out. */
  updateDisk(changes: readonly { readonly path: RelativePath; readonly disk: DiskState | null }[]): Promise<void> {
    return this.#inTurn(async () => {
      const keys = changes.map((change) => rowKey(change.path))
      const rows = await this.#store.getMany(keys)
      const puts: StoreOperation[] = []
      for (const [i, row] of rows.entries()) {
        if (row !== undefined) puts.push({ type: 'put', key: keys[i]!, value: withDisk(row, changes[i]!.disk) })
      }
      await this.#store.batch(puts)
    })
  }

  /**
   * Up to `limit` records that were committed after `seq`, in the order of the log, as they are now. `toSeq` is how far
   * they reach: {@link seq} when there is no more.
   */
  async since(seq: number, limit: number): Promise<{ records: FileRecord[]; toSeq: number }> {
    const current = this.#seq
    if (seq >= current) return { records: [], toSeq: current }
    const log = await readRange(this.#store, { from: logKey(seq + 1), to: logKey(current + 1), limit })
    const rows = await this.#store.getMany(log.map(([, key]) => prefixed(prefix.row, key)))
    const records = rows.flatMap((row) => (row === undefined ? [] : [decodeRow(row).record]))
    return { records, toSeq: log.length < limit ? current : decodeSeq(log.at(-1)![0].subarray(1)) }
  }

  /** For walking a peer's tree and for answering a peer's walk; always as the last commit left it. */
  localTree(): LocalTree & TreeSource {
    return this.#localTree
  }

  /** The row of some live file with this content. */
  async rowOfContent(content: BlockHash): Promise<IndexRow | null> {
    const path = await pathOfContent(this.#store, content)
    return path === null ? null : this.get(path)
  }

  /** The encoded block list of a content that some live file has. */
  async blockList(content: BlockHash): Promise<Uint8Array | null> {
    return (await this.#store.get(listKey(content))) ?? null
  }

  /** Where this disk has each of these blocks, in whichever file. */
  findBlocks(hashes: readonly BlockHash[]): Promise<(BlockLocation | null)[]> {
    return locateBlocks(this.#store, hashes)
  }

  /** Writes down what is about to be renamed into place; durable when it resolves. */
  putIntents(intents: readonly Intent[]): Promise<void> {
    const puts = intents.map((intent): StoreOperation => {
      return { type: 'put', key: textKey(prefix.intent, intent.id), value: encodeIntent(intent) }
    })
    return this.#inTurn(() => this.#store.batch(puts, { durable: true }))
  }

  async intents(): Promise<Intent[]> {
    const rows = await readRange(this.#store, keyRange(prefix.intent, nothing, null))
    return rows.map(([key, value]) => decodeIntent(Buffer.from(key.subarray(1)).toString('utf8'), value))
  }

  /** How far we have taken in a peer's log, or null when we never did. */
  async peerState(device: DeviceId): Promise<{ epoch: string; seq: number } | null> {
    const value = await this.#store.get(textKey(prefix.peer, device))
    if (value === undefined) return null
    return { epoch: Buffer.from(value.subarray(0, 8)).toString('hex'), seq: decodeSeq(value.subarray(8)) }
  }

  setPeerState(device: DeviceId, state: { readonly epoch: string; readonly seq: number }): Promise<void> {
    const value = Buffer.concat([Buffer.from(state.epoch, 'hex'), encodeSeq(state.seq)])
    assert(value.length === 14, 'an epoch is 16 hex digits')
    return this.#inTurn(() => this.#store.batch([{ type: 'put', key: textKey(prefix.peer, device), value }]))
  }

  /** Begins a new life with the same records: an old database was put back, so its counters may have been used. */
  renewIncarnation(): Promise<void> {
    return this.#inTurn(async () => {
      const incarnation = this.#random.bytes(8)
      await this.#store.batch([{ type: 'put', key: metaKeys.incarnation, value: incarnation }], { durable: true })
      this.#writer = makeWriterId(this.#deviceTag, incarnation)
      this.#epoch = Buffer.from(incarnation).toString('hex')
    })
  }

  /** Waits for pending commits and closes the store; a second call does nothing. */
  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#closed = true
    return this.#inTurn(async () => {
      try {
        await this.#store.batch([{ type: 'del', key: metaKeys.ceiling }], { durable: true })
      } finally {
        await this.#store.close()
      }
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Changes never overlap: each is planned on what the one before it left. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

const nothing = new Uint8Array(0)
