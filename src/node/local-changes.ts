import type { IndexRow } from '../file-index/folder-index.ts'
import { isLive } from '../model/file-record.ts'
import { comparePaths, isBelow, type RelativePath } from '../model/relative-path.ts'
import type { ScanEntry } from '../ports/file-tasks.ts'
import { goneFoldersOf } from './gone-folders.ts'
import { holdRemovals, withoutHeldRewrites, type GuardLookDeps } from './guard-look.ts'
import { mayBeRewritten } from './guard-losses.ts'
import { hashAhead } from './hash-ahead.ts'
import { LocalCommits, type LocalCommitsDeps } from './local-commits.ts'
import { entryOf, hasGone, isFolderOlder, isFoundIn, newLook, noteLook, noteUnseen, type Look } from './look.ts'
import { publishMove, publishRemoval } from './local-moves.ts'
import { LossBurst } from './loss-burst.ts'
import type { Needs } from './needs.ts'
import { hashOfMoved, isAtOrBelow, recogniseMoves, removedFolders } from './recognise-moves.ts'
import { ScanMerge } from './scan-merge.ts'
import { stillNews, withoutUnchanged } from './still-news.ts'
import { takeSettled } from './take-settled.ts'
import { wakeFreed } from './wake-freed.ts'

/** What is new on the disk is held back until it is known what is gone, up to so many entries. */
const freshMax = 100_000
const entriesPerCommit = 2000
/** Of less in a folder, the records say that it is gone: they fit into one message. */
const removedRowsMin = 200
/** A folder may have moved out of one that moved. */
const moveRoundsMax = 8
/** A folder that is new here, but to which nothing was added for so long, was made elsewhere. */
const justMadeMs = 1000
const hintOnItsWayMs = 25
const hintWaitsMax = 4
/** A program that removes or rewrites many files pauses less than this between two. */
const burstPauseMs = 200

/** What this device's user did to the folder becomes records: look, hash what looks changed, commit. */
export class LocalChanges {
  readonly #deps: LocalChangesDeps
  readonly #commits: LocalCommits
  readonly #burst: LossBurst

  constructor(deps: LocalChangesDeps) {
    this.#deps = deps
    this.#commits = new LocalCommits(deps)
    this.#burst = new LossBurst(deps)
  }

  /**
   * Compares the whole folder with the index. Changed entries are committed while the walk goes on; what is new and what
   * is gone at its end, when it is known what has only moved.
   *
   * @returns false when the folder stopped being there: nothing after that point was committed.
   */
  scanAll(): Promise<boolean> {
    const look = newLook(0)
    return this.#publish(look, this.#inFolder('', look))
  }

  /** Looks at single paths; a folder that is new or gone stands for all below it. @returns as {@link scanAll}. */
  examine(paths: readonly RelativePath[]): Promise<boolean> {
    const look = newLook(hintWaitsMax)
    return this.#publish(look, this.#atPaths(paths, look))
  }

  async #publish(look: Look, changed: AsyncIterable<readonly ScanEntry[]>): Promise<boolean> {
    this.#commits.beginLook()
    if (!(await this.#takeIn(withNews(changed, () => this.#news(look))))) return false
    if (this.#deps.signal.aborted || !(await this.#takeAway(look))) return false
    return look.afterFolder.length === 0 || this.#takeIn(eventually(batches(look.afterFolder)))
  }

  /** Folders of some size as one thing each, what is left entry by entry. */
  async #takeAway(look: Look): Promise<boolean> {
    const rowsMin = this.#rowsMin
    this.#burst.onTold(look)
    if (!(await holdRemovals(look, this.#deps))) return false
    const removed = new Set<RelativePath>()
    for (const folder of [...look.removed, ...removedFolders(look.gone, rowsMin)]) {
      if (await publishRemoval({ ...this.#deps, commits: this.#commits, rowsMin }, folder)) removed.add(folder)
      else if (look.removed.includes(folder)) await this.#noteFolder(folder, look)
    }
    const { gone } = look
    return this.#commits.takeAway(removed.size === 0 ? gone : gone.filter((path) => !isAtOrBelow(path, removed)))
  }

  get #rowsMin(): number {
    return this.#deps.removedRowsMin ?? removedRowsMin
  }

  async #takeIn(changed: AsyncIterable<readonly ScanEntry[]>): Promise<boolean> {
    for await (const seen of hashAhead(changed, this.#deps)) if (!(await this.#commits.takeIn(seen))) return false
    return true
  }

  /** Notes what is new and what is gone at and below `start`, and gives out what has changed in its place. */
  async *#inFolder(start: RelativePath | '', look: Look): AsyncGenerator<readonly ScanEntry[]> {
    const { index, tasks } = this.#deps
    const merge = new ScanMerge(index, start)
    const isFirst = index.summary.entries === 0
    for await (const batch of tasks.scan(start)) {
      noteUnseen(batch, this.#deps)
      const { changed: different, gone } = await merge.next(batch)
      const { changed } = isFirst
        ? { changed: different }
        : await takeSettled({ changed: await stillNews(different, this.#deps), gone: [] }, this.#deps)
      for (const path of gone) look.gone.push(path)
      yield isFirst ? changed : await this.#holdBackFresh(changed, look)
      if (look.fresh.length > freshMax) yield look.fresh.splice(0)
      if (look.rewritten.length > freshMax) yield await withoutHeldRewrites(look.rewritten.splice(0), this.#deps)
    }
    for (const path of await merge.rest()) look.gone.push(path)
  }

  async *#atPaths(paths: readonly RelativePath[], look: Look): AsyncGenerator<readonly ScanEntry[]> {
    const { index, tasks, settling } = this.#deps
    const { folders: goneFolders, left } = await goneFoldersOf(paths, this.#deps, this.#rowsMin)
    for (const row of goneFolders) look.goneFolders.push(row)
    const together = new Set(left)
    for (const path of left) for (const companion of settling.companionsOf(path)) together.add(companion)
    const sorted = [...together].sort(comparePaths)
    const looks = await withoutUnchanged(await tasks.lstat(sorted), this.#deps)
    const rows = await index.getMany(looks.map(({ path }) => path))
    const entries: ScanEntry[] = []
    let walked: RelativePath | null = null
    for (const [i, seen] of looks.entries()) {
      const row = rows[i] ?? null
      if (noteLook(seen, this.#deps)) wakeFreed(this.#deps.needs(), seen.path)
      if (walked !== null && isBelow(seen.path, walked)) continue
      if (hasGone(seen)) await this.#noteGone(row, look)
      else if (seen.disk?.kind === 'folder') {
        walked = seen.path
        if (row !== null && isLive(row.record)) yield* this.#inFolder(seen.path, look)
        else look.folders.push(entryOf(seen))
      } else if (seen.disk !== null) {
        entries.push(entryOf(seen))
        if (row?.record.kind === 'folder') await this.#noteBelow(seen.path, look)
      }
    }
    const changed = await stillNews(entries, this.#deps)
    const ready = await takeSettled({ changed, gone: look.gone }, this.#deps, sorted)
    look.gone = [...ready.gone]
    yield ready.changed.filter((entry) => ready.together.has(entry.path))
    yield await this.#holdBackFresh(
      ready.changed.filter((entry) => !ready.together.has(entry.path)),
      look,
    )
  }

  async #noteGone(row: IndexRow | null, look: Look): Promise<void> {
    if (row === null || !isLive(row.record)) return
    if (row.record.kind === 'folder') look.goneFolders.push(row)
    else look.gone.push(row.record.path)
  }

  /** What was in folders that are gone, and have not moved as a whole: where nothing is new, it has not moved at all. */
  async #noteGoneFolders(look: Look): Promise<void> {
    let last: RelativePath | null = null
    const rows = look.goneFolders.splice(0).sort((a, b) => comparePaths(a.record.path, b.record.path))
    for (const { record } of rows) {
      if (last !== null && isBelow(record.path, last)) continue
      last = record.path
      if (look.fresh.length + look.folders.length === 0) look.removed.push(record.path)
      else await this.#noteFolder(record.path, look)
    }
    const removed = new Set(look.removed)
    if (removed.size > 0) look.gone = look.gone.filter((path) => !isAtOrBelow(path, removed))
  }

  async #noteFolder(folder: RelativePath, look: Look): Promise<void> {
    look.gone.push(folder)
    await this.#noteBelow(folder, look)
  }

  async #noteBelow(folder: RelativePath, look: Look): Promise<void> {
    for await (const page of this.#deps.index.rows({ below: folder })) {
      for (const row of page) if (isLive(row.record)) look.gone.push(row.record.path)
    }
  }

  /** Returns those that the index knows by their path. */
  async #holdBackFresh(entries: readonly ScanEntry[], look: Look): Promise<ScanEntry[]> {
    if (entries.length === 0) return []
    const rows = await this.#deps.index.getMany(entries.map((entry) => entry.path))
    const known: ScanEntry[] = []
    for (const [i, entry] of entries.entries()) {
      const row = rows[i] ?? null
      if (row?.record.kind === 'folder' && entry.disk.kind !== 'folder') look.afterFolder.push(entry)
      else if (row !== null && mayBeRewritten(entry, row)) look.rewritten.push(entry)
      else if (row !== null && isLive(row.record)) known.push(entry)
      else look.fresh.push(entry)
    }
    return known
  }

  /** What has moved is published as that; the rest of what is new is given out, to be hashed. */
  async *#news(look: Look): AsyncGenerator<readonly ScanEntry[]> {
    for (let round = 1; ; round++) {
      look.fresh.push(...look.folders)
      const moved = await this.#moveFolders(look)
      await this.#noteGoneFolders(look)
      const walk = new Set(look.folders.splice(0).filter((folder) => !isAtOrBelow(folder.path, moved)))
      look.fresh = look.fresh.filter((entry) => !walk.has(entry))
      for (const folder of walk) yield* this.#inFolder(folder.path, look)
      if (moved.size > 0 || walk.size > 0) continue
      // What the last wait has brought is sorted, too.
      if (round >= moveRoundsMax || !(await this.#hasMoreCome(look))) break
    }
    await this.#moveFiles(look)
    yield* batches(await withoutHeldRewrites(look.rewritten, this.#deps))
    yield* batches(look.changed)
    yield* batches(look.fresh)
  }

  /**
   * A folder may move into one that was made a moment ago: the hint of that is then looked at, finds both, and what tells
   * where the folder came from is still on its way. And who removes or rewrites many files may be in the middle of it.
   */
  async #hasMoreCome(look: Look): Promise<boolean> {
    const { clock, dirty, signal } = this.#deps
    if (look.waits === 0) return false
    const isMany = this.#burst.maySoonBeHeld(look)
    if (!isMany && !look.fresh.some((entry) => isFolderOlder(entry, clock.now() - justMadeMs))) return false
    if (!isMany) look.waits--
    await clock.sleep(isMany ? burstPauseMs : hintOnItsWayMs, signal).catch(() => undefined)
    const arrived = dirty.takeArrived(isFoundIn(look))
    for await (const changed of this.#atPaths(arrived, look)) look.changed.push(...changed)
    return !isMany || arrived.length > 0
  }

  /** Returns the new paths of folders that have moved. */
  async #moveFolders(look: Look): Promise<ReadonlySet<RelativePath>> {
    const moved = new Set<RelativePath>()
    if (look.fresh.length === 0 || look.gone.length + look.goneFolders.length === 0) return moved
    const { folders } = recogniseMoves(look.fresh, look.goneFolders.concat(await this.#goneRows(look)))
    if (folders.length === 0) return moved
    await this.#takeInFolders(look, new Set(folders.map((pair) => pair.to)))
    const left = new Set<RelativePath>()
    const found: Pick<Look, 'fresh' | 'gone'> = { fresh: [], gone: [] }
    for (const pair of folders) {
      const differences = await publishMove({ ...this.#deps, commits: this.#commits }, pair)
      if (differences === null) continue
      moved.add(pair.to)
      left.add(pair.from)
      found.fresh = found.fresh.concat(differences.changed)
      found.gone = found.gone.concat(differences.gone)
    }
    look.fresh = look.fresh.filter((entry) => !isAtOrBelow(entry.path, moved)).concat(found.fresh)
    look.gone = look.gone.filter((path) => !isAtOrBelow(path, left)).concat(found.gone)
    look.goneFolders = look.goneFolders.filter((row) => !isAtOrBelow(row.record.path, left))
    look.fresh = await stillNews(look.fresh, this.#deps)
    return moved
  }

  /** New folders that something may have moved into are known before what did. */
  async #takeInFolders(look: Look, moving: ReadonlySet<RelativePath>): Promise<void> {
    const isPlain = (entry: ScanEntry): boolean => entry.disk.kind === 'folder' && !isAtOrBelow(entry.path, moving)
    const entries = look.fresh.filter(isPlain)
    look.fresh = look.fresh.filter((entry) => !isPlain(entry))
    for (const batch of batches(entries)) {
      await this.#commits.takeIn({ entries: batch, hashes: new Map(), hashedAt: this.#deps.clock.now() })
    }
  }

  /** Publishes files that have moved, each beside what it left, and the folders that they are in. */
  async #moveFiles(look: Look): Promise<void> {
    if (look.fresh.length === 0 || look.gone.length === 0) return
    const { files } = recogniseMoves(look.fresh, await this.#goneRows(look))
    if (files.size === 0) return
    await this.#takeInFolders(look, new Set())
    const entries = look.fresh.filter((entry) => files.has(entry.path)).sort((a, b) => comparePaths(a.path, b.path))
    look.fresh = look.fresh.filter((entry) => !files.has(entry.path))
    for (const batch of batches(entries)) {
      const moved = new Map(batch.map((entry) => [entry.path, files.get(entry.path)!]))
      const hashes = new Map(batch.map((entry) => [entry.path, hashOfMoved(entry, files.get(entry.path)!)]))
      await this.#commits.takeIn({ entries: batch, hashes, hashedAt: this.#deps.clock.now() }, moved)
    }
  }

  async #goneRows(look: Look): Promise<IndexRow[]> {
    const rows = await this.#deps.index.getMany(look.gone)
    return rows.filter((row): row is IndexRow => row !== null && isLive(row.record))
  }
}

export type LocalChangesDeps = LocalCommitsDeps &
  GuardLookDeps & { readonly removedRowsMin?: number; readonly needs: () => Needs }

async function* withNews(
  changed: AsyncIterable<readonly ScanEntry[]>,
  news: () => AsyncIterable<readonly ScanEntry[]>,
): AsyncGenerator<readonly ScanEntry[]> {
  yield* changed
  yield* news()
}

function* batches(entries: readonly ScanEntry[]): Generator<ScanEntry[]> {
  for (let at = 0; at < entries.length; at += entriesPerCommit) yield entries.slice(at, at + entriesPerCommit)
}

async function* eventually<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values
}
