import { rootHash } from '../merkle/merkle-tree.ts'
import type { LocalTree, TreeSource } from '../merkle/diff-trees.ts'
import { blockHashToBytes, type BlockHash } from '../model/block-hash.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { FolderMove } from '../model/folder-move.ts'
import { mapInTurns } from '../model/next-turn.ts'
import { pathFromKey, pathKey, type RelativePath } from '../model/relative-path.ts'
import { makeWriterId, type WriterId } from '../model/writer-id.ts'
import type { KeyValueStore } from '../ports/key-value-store.ts'
import { planCommit, stateOf, type CommitState } from './commit-plan.ts'
import { listKey, locateBlocks, planLists, type BlockLocation, type ContentRooms } from './block-lists.ts'
import { ContentFinder, surely } from './content-finder.ts'
import { planDiskStates, type DiskChange } from './disk-states.ts'
import { ForgetNotes, newLifeRows } from './forget-notes.ts'
import { planForget, type SeenRow } from './forget-rows.ts'
import { encodeHead, encodeSeq, openHead, seqReserve } from './index-head.ts'
import type { IndexHead, OpenOptions, TreeSummary } from './index-head.ts'
import { metaKeys, prefix, textKey } from './index-keys.ts'
import { intentPuts, readIntents, type Intent } from './intent-codec.ts'
import { forgetHistory, KeptContents } from './kept-contents.ts'
import { keyText } from './key-text.ts'
import type { LazyRow } from './lazy-row.ts'
import { MoveNotes, type MoveNote } from './move-notes.ts'
import { readMovedRows, type MovedRows } from './moved-rows.ts'
import { decodePeerState, encodePeerState, planPeerStatesAway, type PeerState } from './peer-state.ts'
import type { CommitOptions, RowChange } from './row-change.ts'
import { decodeRow, hasDisk, type IndexRow } from './row-codec.ts'
import { pathsIn, RowReader, type RowRange } from './row-reader.ts'
import { readLog } from './sequence-log.ts'
import { LogShortening } from './shorten-log.ts'
import { StoredTree } from './stored-tree.ts'

export type { LazyRow } from './lazy-row.ts'
export type { Intent } from './intent-codec.ts'
export type { CommitOptions, RowChange } from './row-change.ts'
export type { IndexRow } from './row-codec.ts'

/**
 * The records of one folder, what the disk looked like for each, the log of changes and the Merkle tree: every commit is
 * one atomic batch over all of them. The store has no other user; changes wait for one another, reads do not wait.
 */
export class FolderIndex {
  readonly forgetNotes: ForgetNotes
  /** It was not closed in order the last time. */
  readonly isAfterCrash: boolean
  readonly #store: KeyValueStore
  readonly #options: OpenOptions
  readonly #localTree: StoredTree
  readonly #moves: MoveNotes
  readonly #rows: RowReader
  readonly #contents: ContentRooms
  readonly #shortening: LogShortening
  #writer: WriterId
  #epoch: string
  readonly #reserve: number
  #ceiling: number
  #state: CommitState
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  /**
   * Opens the index that `store` holds, or begins one. `deviceTag` are 8 bytes derived from the device's id.
   *
   * @throws {P2psyncError} `index-damaged`, or `index-failed` when it is of a later layout; `store` is left open.
   */
  static async open(store: KeyValueStore, options: OpenOptions): Promise<FolderIndex> {
    const head = await openHead(store, options)
    return new FolderIndex(store, { ...options, head, moves: await MoveNotes.load(store) })
  }

  private constructor(store: KeyValueStore, parts: OpenOptions & { head: IndexHead; moves: MoveNotes }) {
    this.#store = store
    this.forgetNotes = new ForgetNotes(store)
    this.#moves = parts.moves
    this.#options = parts
    this.isAfterCrash = parts.head.isAfterCrash
    this.#rows = new RowReader(store, () => this.#state.tree)
    const finder = new ContentFinder(store, this.#rows, () => this.#state.seq)
    this.#contents = { store, finder, kept: new KeptContents(store) }
    this.#shortening = new LogShortening(store, this.#rows)
    this.#localTree = new StoredTree(store, this.#rows, () => this.#state.tree)
    this.#writer = parts.head.writer
    this.#epoch = parts.head.epoch
    this.#reserve = parts.seqReserve ?? seqReserve
    this.#ceiling = parts.head.seq + this.#reserve
    this.#state = parts.head
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
    return this.#state.seq
  }

  get summary(): TreeSummary {
    return { hash: rootHash(this.#state.tree), ...this.#state.counts }
  }

  async get(path: RelativePath): Promise<IndexRow | null> {
    return (await this.getMany([path]))[0]!
  }

  /** In the order of `paths`. */
  async getMany(paths: readonly RelativePath[]): Promise<(IndexRow | null)[]> {
    const rows = await this.#rows.getMany(paths)
    return mapInTurns(rows, (row) => (row === undefined ? null : decodeRow(row)))
  }

  /** For each entry whether it looks as it did when the row of its path was written. Costs less than {@link getMany}. */
  async areUnchanged(entries: readonly DiskChange[]): Promise<boolean[]> {
    const rows = await this.#rows.getMany(entries.map(({ path }) => path))
    return entries.map(({ disk }, i) => hasDisk(rows[i], disk))
  }

  /** All rows in path order, in pages of about 1000; with `below`, those strictly below that folder. */
  async *rows(range: RowRange = {}): AsyncGenerator<readonly IndexRow[]> {
    for await (const page of this.#rows.pages(pathsIn(range))) yield page.map(({ row }) => decodeRow(row))
  }

  /** As {@link rows}, but nothing of a row is decoded before it is asked for. */
  rowHeads(range: RowRange = {}): AsyncGenerator<readonly LazyRow[]> {
    return this.#rows.lazyPages(pathsIn(range))
  }

  hasLiveBelow(folder: RelativePath): Promise<boolean> {
    return this.#rows.hasLiveBelow(folder)
  }

  /**
   * Commits changes as one batch, each with the next seq; of several to one path the last wins. With `durable` it has
   * reached the disk when the promise resolves. `clearIntents` are ids of intents that are carried out by it; `move` is
   * what the changes, as {@link deriveMove} gives them, come from.
   *
   * @throws {P2psyncError} `index-failed`, `index-damaged`: nothing was changed.
   */
  commit(changes: readonly RowChange[], options: CommitOptions = {}): Promise<void> {
    return this.#inTurn(async () => {
      await this.#shortenLog(changes.length)
      const plan = await planCommit(this.#store, this.#state, changes, { distinct: options.move !== undefined })
      const operations = plan.operations.concat(await planLists(this.#contents, plan.contents))
      for (const id of options.clearIntents ?? []) operations.push({ type: 'del', key: textKey(prefix.intent, id) })
      const note =
        options.move === undefined ? null : { move: options.move, afterSeq: this.#state.seq, toSeq: plan.seq }
      if (note !== null) operations.push(...this.#moves.operations(note))
      operations.push({ type: 'put', key: metaKeys.head, value: encodeHead(plan) })
      const ceiling = plan.seq > this.#ceiling ? plan.seq + this.#reserve : this.#ceiling
      const raised = ceiling > this.#ceiling
      if (raised) operations.push({ type: 'put', key: metaKeys.ceiling, value: encodeSeq(ceiling) })
      await this.#store.batch(operations, { durable: raised || options.durable === true })
      this.#contents.finder.add(plan.log)
      if (note !== null) this.#moves.add(note)
      this.#ceiling = ceiling
      this.#state = stateOf(plan)
    })
  }

  /** Takes away rows that are still what was seen, as one batch; returns how many. `isLost`: peers are to tell of them anew. */
  forget(seen: readonly SeenRow[], options: { durable?: boolean; isLost?: boolean } = {}): Promise<number> {
    return this.#inTurn(async () => {
      const plan = await planForget({ store: this.#store, rows: this.#rows }, this.#state, seen)
      if (plan.forgotten === 0) return 0
      const operations = plan.operations.concat(await planLists(this.#contents, plan.contents))
      if (options.isLost === true) operations.push(...(await planPeerStatesAway(this.#store)))
      await this.#store.batch([...operations, { type: 'put', key: metaKeys.head, value: encodeHead(plan) }], options)
      this.#state = stateOf(plan)
      return plan.forgotten
    })
  }

  /** Sets what the disk looks like for records that stay as they are; paths without a record are left out. */
  updateDisk(changes: readonly DiskChange[]): Promise<void> {
    return this.#inTurn(async () => this.#store.batch(await planDiskStates(this.#store, this.#state.tree, changes)))
  }

  /**
   * Up to `limit` records that were committed after `seq`, in the order of the log, as they are now. `toSeq` is how far
   * they reach: {@link seq} when there is no more, or the beginning of a move that comes later.
   */
  async since(seq: number, limit: number): Promise<{ records: FileRecord[]; toSeq: number }> {
    const current = Math.min(this.#state.seq, this.#moves.endOfRecords(seq))
    if (seq >= current) return { records: [], toSeq: current }
    return readLog(this.#store, this.#rows, { after: seq, upTo: current, limit })
  }

  /** The move of a folder whose records begin right after `seq`, or null. */
  moveAfter(seq: number): MoveNote | null {
    return this.#moves.after(seq)
  }

  /** True when this very move is in the log, or was not long ago. */
  hasMove(move: FolderMove): boolean {
    return this.#moves.has(move)
  }

  /** What a move would take along; null when it cannot be one. */
  movedRows(move: Pick<FolderMove, 'from' | 'to'>): Promise<MovedRows | null> {
    return readMovedRows(this.#rows, move)
  }

  /** For walking a peer's tree and for answering a peer's walk; always as the last commit left it. */
  localTree(): LocalTree & TreeSource {
    return this.#localTree
  }

  /** The row of some live file with this content. */
  async rowOfContent(content: BlockHash): Promise<IndexRow | null> {
    const [found] = await surely(this.#alone, () => this.#contents.finder.find([{ hash: content, single: null }]))
    return found ? this.get(pathFromKey(found.key)) : null
  }

  /** The encoded block list of a content that some live file has. */
  async blockList(content: BlockHash): Promise<Uint8Array | null> {
    return (await this.#store.get(listKey(blockHashToBytes(content)))) ?? null
  }

  /** Where this disk has each of these blocks, in whichever file but `besides`; it may be one in the history. */
  findBlocks(hashes: readonly BlockHash[], besides?: RelativePath): Promise<(BlockLocation | null)[]> {
    const keys = new Set(besides === undefined ? [] : [keyText(pathKey(besides))])
    return surely(this.#alone, () => locateBlocks(this.#contents, hashes, keys))
  }

  /** Forgets where contents were in history that is older than the apply named `keep`. */
  forgetHistory(keep: string): Promise<void> {
    return forgetHistory(this.#contents, keep, this.#alone)
  }

  /** Writes down what is about to be renamed into place; durable when it resolves. */
  putIntents(intents: readonly Intent[]): Promise<void> {
    return this.#inTurn(() => this.#store.batch(intentPuts(intents), { durable: true }))
  }

  intents(): Promise<Intent[]> {
    return readIntents(this.#store)
  }

  /** How far we have taken in a peer's log, or null when we never did. */
  async peerState(device: DeviceId): Promise<PeerState | null> {
    const value = await this.#store.get(textKey(prefix.peer, device))
    return value === undefined ? null : decodePeerState(value)
  }

  setPeerState(device: DeviceId, state: PeerState): Promise<void> {
    const key = textKey(prefix.peer, device)
    return this.#inTurn(() => this.#store.batch([{ type: 'put', key, value: encodePeerState(state) }]))
  }

  /** Begins a new life with the same records: an old database was put back, so its counters after `afterSeq` may have been used. */
  renewIncarnation(afterSeq: number): Promise<void> {
    return this.#inTurn(async () => {
      const incarnation = this.#options.random.bytes(8)
      await this.#store.batch(newLifeRows(incarnation, { writer: this.#writer, afterSeq }), { durable: true })
      this.#writer = makeWriterId(this.#options.deviceTag, incarnation)
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

  /** What keeps the log from growing without end, before `changes` more are written to it. */
  async #shortenLog(changes: number): Promise<void> {
    const step = await this.#shortening.take(this.#state, changes)
    if (step === null) return
    this.#state = step.state
    if (step.isEnd) this.#contents.finder.forget()
  }

  readonly #alone = <T>(work: () => Promise<T>): Promise<T> => this.#inTurn(work)

  /** Changes never overlap: each is planned on what the one before it left. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
