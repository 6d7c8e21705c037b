import type { FolderIndex, IndexRow, RowChange } from '../file-index/folder-index.ts'
import { changedNs, isToLookAtAgain, sameDiskState, toLookAtAgain, type DiskState } from '../model/disk-state.ts'
import { errorText } from '../model/errors.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import type { DirtyPaths } from './dirty-paths.ts'
import { withEarlierLists } from './earlier-lists.ts'
import type { KnownDamage } from './known-damage.ts'
import type { SerialQueue } from './serial-queue.ts'

/** By the defaults of Linux pages are on their way to the disk after 30 to 35 s; then the next write to them sets the times. */
const writtenOutMs = 40_000
/** Of more files than that the oldest are given up: they are the most likely to be at rest. */
const filesMax = 50_000
/** A file that cannot be read, or is being changed, is tried so often. */
const triesMax = 10
const portionFiles = 200
/** A larger file is a portion of its own. */
const portionBytes = 8 * 1024 * 1024
/** Of the time, a fifth at most goes into looking. */
const restToWork = 4
const busyPollMs = 1000
const busyPollsMax = 10

/**
 * Who finds bytes that a program wrote through a memory mapping, when neither size nor times tell of them?
 *
 * The kernel sets the times of a file when a clean page is first written to, and not again before that page was written out.
 * What was hashed right after the first write may thus hold other bytes later, in the same disk state. Each file whose change
 * time was fresh when it was hashed here is read once more when its pages have surely been written out; if it holds other bytes
 * by then, its row is marked as one that tells nothing of the disk, and {@link DirtyPaths} has it looked at like any edit.
 *
 * A file is known by path and inode, and takes its look along where it is moved, by whomever; what a peer's version has
 * replaced has none. Nobody waits for a look. Cost: one read of each file that is changed here, and a map entry meanwhile.
 */
export class SecondLooks {
  readonly #deps: SecondLooksDeps
  /** In the order in which they are due. */
  readonly #waiting = new Map<RelativePath, Waiting>()
  readonly #pathOf = new Map<bigint, RelativePath>()
  #woken = Promise.withResolvers<void>()

  constructor(deps: SecondLooksDeps) {
    this.#deps = deps
    deps.signal.addEventListener('abort', () => this.#woken.resolve(), { once: true })
  }

  /** Whether other bytes at this path may be an edit of which nothing else tells. */
  isDue(path: RelativePath): boolean {
    return this.#waiting.has(path)
  }

  get done(): LookedAgain {
    let { seq } = this.#deps.index
    let changedMs = this.#deps.clock.now() - writtenOutMs
    for (const waiting of this.#waiting.values()) {
      seq = Math.min(seq, waiting.afterSeq)
      changedMs = Math.min(changedMs, waiting.changedMs)
    }
    return { seq, changedMs }
  }

  /**
   * To be called before it is committed; the row that has it comes after `afterSeq`. `hashedAt` is of the wall clock, before the
   * file was opened.
   */
  onHashed(path: RelativePath, disk: DiskState, seen: { readonly hashedAt: number; readonly afterSeq: number }): void {
    if (changedMsOf(disk) < seen.hashedAt - writtenOutMs) return
    this.#add(path, newLook(disk, seen.afterSeq))
  }

  onCommitted(changes: readonly RowChange[]): void {
    if (this.#pathOf.size === 0) return
    for (const { record, disk } of changes) {
      const from = disk?.kind === 'file' ? this.#pathOf.get(disk.inode) : undefined
      if (from !== undefined && from !== record.path) this.#add(record.path, this.#waiting.get(from)!)
    }
  }

  /**
   * Rows that an earlier process has committed after it was done with others, and may not have looked at again: those of what
   * was published here since, and what was changed since and moved by a peer. In a file that was at rest, other bytes are damage.
   */
  takeUp(rows: readonly IndexRow[], done: LookedAgain): void {
    const { writer: self } = this.#deps.index
    for (const { record, disk, seq } of rows) {
      if (disk?.kind !== 'file') continue
      const isPublished = record.version.some(([writer, counter]) => writer === self && counter > done.seq)
      if (isPublished || changedMsOf(disk) >= done.changedMs) this.#add(record.path, newLook(disk, seq - 1))
    }
  }

  /** Works until the signal is aborted. */
  async run(): Promise<void> {
    const { clock, signal, logger } = this.#deps
    while (!signal.aborted) {
      const [first] = this.#waiting.values()
      if (first === undefined) {
        await this.#hint()
        continue
      }
      await this.#sleep(first.dueMs - clock.monotonic())
      await this.#untilOthersAreDone()
      const portion = this.#nextPortion()
      if (signal.aborted || portion.size === 0) continue
      const beganMs = clock.monotonic()
      try {
        await this.#look(portion)
      } catch (error) {
        for (const [path, waiting] of portion) this.#postpone(path, waiting)
        if (!signal.aborted) logger.warn('files could not be looked at again', { error: errorText(error) })
      }
      await this.#sleep((clock.monotonic() - beganMs) * restToWork)
    }
  }

  async #hint(): Promise<void> {
    this.#woken = Promise.withResolvers()
    if (!this.#deps.signal.aborted) await this.#woken.promise
  }

  /** A folder in which something changes all the time is not waited for. */
  async #untilOthersAreDone(): Promise<void> {
    const { isBusy, signal } = this.#deps
    for (let polls = 0; polls < busyPollsMax && isBusy() && !signal.aborted; polls++) await this.#sleep(busyPollMs)
  }

  #nextPortion(): ReadonlyMap<RelativePath, Waiting> {
    const nowMs = this.#deps.clock.monotonic()
    const portion = new Map<RelativePath, Waiting>()
    let bytes = 0
    for (const [path, waiting] of this.#waiting) {
      bytes += waiting.sizeBytes
      const isFull = portion.size >= portionFiles || (portion.size > 0 && bytes > portionBytes)
      if (isFull || waiting.dueMs > nowMs) break
      portion.set(path, waiting)
    }
    return portion
  }

  async #look(portion: ReadonlyMap<RelativePath, Waiting>): Promise<void> {
    const { index, tasks, dirty } = this.#deps
    const rows = await this.#rowsOf(portion)
    const states = Array.from(rows.values(), ({ record: { path }, disk }) => ({ path, disk: disk! }))
    const results = await tasks.hash(await withEarlierLists(states, index))
    // Nothing is told by a folder that is away, and nobody writes to it.
    const isThere = await this.#deps.isFolderThere()
    const found: IndexRow[] = []
    for (const result of results) {
      const row = rows.get(result.path)!
      const waiting = portion.get(result.path)!
      // The times tell, but no watcher did: the system tells none of what is written through a mapping.
      if (result.outcome === 'changed' && waiting.tries === 0) dirty.add(result.path)
      if (!isThere) this.#postpone(result.path, waiting, 0)
      else if (result.outcome !== 'hashed') this.#postpone(result.path, waiting)
      else if (result.content === row.record.content) this.#drop(result.path, waiting)
      else found.push(row)
    }
    await this.#deps.commits.run(() => this.#mark(found))
    for (const { record } of found) {
      dirty.add(record.path)
      // Where pages are written out later than usual, it goes on.
      this.#postpone(record.path, portion.get(record.path)!, 0)
    }
  }

  /**
   * Those that are still to be looked at. A row that tells nothing of the disk has its file hashed as that of an edit: a commit
   * that began before its last hash may have put the state of before into it.
   */
  async #rowsOf(portion: ReadonlyMap<RelativePath, Waiting>): Promise<ReadonlyMap<RelativePath, IndexRow>> {
    const rows = new Map<RelativePath, IndexRow>()
    const found = await this.#deps.index.getMany([...portion.keys()])
    const damaged = this.#deps.damage.all()
    const isTold = ({ disk }: IndexRow): boolean => disk !== null && !isToLookAtAgain(disk)
    for (const [i, [path, waiting]] of [...portion].entries()) {
      const row = found[i] ?? null
      const isSame = row?.disk?.kind === 'file' && row.disk.inode === waiting.inode && !damaged.has(path)
      if (isSame && isTold(row)) rows.set(path, row)
      else this.#drop(path, waiting)
      if (isSame && !isTold(row)) this.#deps.dirty.add(path)
    }
    return rows
  }

  /** From here on no row says that the disk is as it was hashed: nothing is put in the place of what was not seen. */
  async #mark(found: readonly IndexRow[]): Promise<void> {
    const { index } = this.#deps
    const rows = await index.getMany(found.map(({ record }) => record.path))
    const states = found.flatMap(({ record: { path }, seq, disk }, i) => {
      const isStill = rows[i]?.seq === seq && sameDiskState(rows[i].disk, disk)
      return isStill ? [{ path, disk: toLookAtAgain(disk!) }] : []
    })
    if (states.length > 0) await index.updateDisk(states)
  }

  #add(path: RelativePath, look: Look, tries = 0): void {
    const [oldest] = this.#waiting
    if (oldest === undefined) this.#woken.resolve()
    const before = this.#waiting.get(path)
    if (before !== undefined) this.#drop(path, before)
    else if (oldest !== undefined && this.#waiting.size >= filesMax) this.#drop(...oldest)
    const dueMs = this.#deps.clock.monotonic() + writtenOutMs
    this.#waiting.set(path, { ...look, tries, dueMs })
    this.#pathOf.set(look.inode, path)
  }

  #postpone(path: RelativePath, waiting: Waiting, tries = waiting.tries + 1): void {
    if (this.#waiting.get(path) !== waiting) return
    if (tries < triesMax) this.#add(path, waiting, tries)
    else this.#drop(path, waiting)
  }

  /** Unless it has changed since, and waits anew. */
  #drop(path: RelativePath, waiting: Waiting): void {
    if (this.#waiting.get(path) !== waiting) return
    this.#waiting.delete(path)
    if (this.#pathOf.get(waiting.inode) === path) this.#pathOf.delete(waiting.inode)
  }

  async #sleep(milliseconds: number): Promise<void> {
    await this.#deps.clock.sleep(milliseconds, this.#deps.signal).catch(() => undefined)
  }
}

/** What needs no more looks. */
export interface LookedAgain {
  /** The rows up to this one. */
  readonly seq: number
  /** Later ones of peers, too, if their files were changed before that: milliseconds since 1970. */
  readonly changedMs: number
}

function changedMsOf(disk: DiskState): number {
  return Number(changedNs(disk) / 1_000_000n)
}

function newLook(disk: DiskState, afterSeq: number): Look {
  return { inode: disk.inode, sizeBytes: disk.sizeBytes, changedMs: changedMsOf(disk), afterSeq }
}

/** A file, and from which look at it it is known. */
interface Look {
  readonly inode: bigint
  readonly sizeBytes: number
  /** Its change time, in milliseconds since 1970. */
  readonly changedMs: number
  /** Its row was committed after this one. */
  readonly afterSeq: number
}

interface Waiting extends Look {
  /** Monotonic. */
  readonly dueMs: number
  /** How often it could not be hashed. */
  readonly tries: number
}

export interface SecondLooksDeps {
  readonly index: FolderIndex
  readonly tasks: Pick<FileTasks, 'hash'>
  readonly clock: Clock
  readonly logger: Pick<Logger, 'warn'>
  readonly commits: SerialQueue
  readonly dirty: Pick<DirtyPaths, 'add'>
  readonly damage: Pick<KnownDamage, 'all'>
  readonly signal: AbortSignal
  readonly isFolderThere: () => Promise<boolean>
  /** The folder has something else to do. */
  readonly isBusy: () => boolean
}
