import type { DiskState } from '../model/disk-state.ts'
import { comparePaths, type RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { ScanEntry } from '../ports/file-tasks.ts'
import { databaseFiles, databaseOf } from './database-files.ts'
import { WritePace } from './write-pace.ts'

/** What differs from the index: entries that are new or look changed, and paths that are no longer there. */
export interface Differences {
  readonly changed: readonly ScanEntry[]
  readonly gone: readonly RelativePath[]
}

export interface Waiting {
  readonly path: RelativePath
  /** Look at it again after this. */
  readonly delayMs: number
  /** What a person should know of it; null while it waits for as long as files do. */
  readonly problem: string | null
}

/** What is to be taken in now, in the order it came in, and what is to be looked at again. */
export interface Sorted extends Differences {
  readonly waiting: readonly Waiting[]
  /** Those of a database that was known before: they are published in one commit. */
  readonly together: ReadonlySet<RelativePath>
}

/**
 * Which changed files are at rest and may be read, and which are being written.
 *
 * - A file is taken at once when nobody wrote to it for a fifth of the time that hashing it takes: a small one always is.
 * - One that was saved many times in a row ({@link WritePace}) waits for a quarter of a second without a write.
 * - Nothing waits longer than a bound: then it is taken as it is.
 * - A database and the files beside it are one: they wait together and come out together.
 *
 * Rest is measured by our own monotonic clock from one look to the next; the wall clock only tells that a file is too old to
 * wait for. Whatever it says, nothing waits longer than the bound. Holds memory only for files that wait or were just
 * rewritten. Cost: a map look-up an entry.
 */
export class Settling {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  readonly #held = new Map<RelativePath, Held>()
  readonly #pace = new WritePace()
  #sweptAtMs = 0

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#clock = clock
  }

  /** Whether something waits to be taken. */
  get isHolding(): boolean {
    const nowMs = this.#clock.monotonic()
    return Array.from(this.#held.values()).some((held) => !isStale(held, nowMs))
  }

  /** How many files and databases it remembers. */
  get size(): number {
    return this.#held.size + this.#pace.size
  }

  /**
   * What has to be looked at together with `path`, in the same call of {@link Settling.sort}: the rest of its database
   * where it belongs to one. Costs nothing for other files.
   */
  companionsOf(path: RelativePath): readonly RelativePath[] {
    const database = databaseOf(path)
    if (database === path && this.#held.get(path)?.isDatabase !== true) return []
    return databaseFiles(database).filter((other) => other !== path)
  }

  /**
   * @param previous what the index last saw at a changed path, a gone one, or a companion of theirs; null for nothing.
   */
  sort(differences: Differences, previous: (path: RelativePath) => DiskState | null): Sorted {
    this.#sweep()
    const databases = this.#databasesIn(differences, previous)
    const waits = new Map<RelativePath, Wait>()
    for (const [database, members] of databases) {
      const wait = this.#waitForDatabase(database, members)
      if (wait !== null) waits.set(database, wait)
    }
    const unitOf = (path: RelativePath): RelativePath => {
      const database = databaseOf(path)
      return databases.has(database) ? database : path
    }
    for (const entry of differences.changed) {
      if (entry.disk.kind !== 'file' || databases.has(unitOf(entry.path))) continue
      const wait = this.#waitForFile(entry, previous)
      if (wait !== null) waits.set(entry.path, wait)
    }
    for (const path of differences.gone) if (!databases.has(unitOf(path))) this.#held.delete(path)
    const together = new Set<RelativePath>()
    for (const [database, { changed, gone }] of databases) {
      // One that is wholly new may have moved here, and is like other new files.
      const isKnown = gone.length > 0 || changed.some((entry) => previous(entry.path) !== null)
      if (waits.has(database) || !isKnown) continue
      for (const entry of changed) together.add(entry.path)
      for (const path of gone) together.add(path)
    }
    if (waits.size === 0) return { ...differences, waiting: [], together }
    return {
      // What is in a folder never comes before it: only files wait.
      changed: differences.changed.filter((entry) => entry.disk.kind !== 'file' || !waits.has(unitOf(entry.path))),
      gone: differences.gone.filter((path) => !waits.has(unitOf(path))),
      waiting: Array.from(waits, ([path, wait]) => ({ path, ...wait })),
      together,
    }
  }

  /**
   * A file that was ready changed while it was read. It is held, and so is the database it belongs to: what was read of
   * the others must not be taken in either.
   */
  disturbed(entry: ScanEntry): Waiting {
    const nowMs = this.#clock.monotonic()
    const database = databaseOf(entry.path)
    const isDatabase = this.#held.get(database)?.isDatabase === true
    const path = isDatabase ? database : entry.path
    const held = this.#held.get(path) ?? newHeld(stateText(entry), nowMs, isDatabase)
    const restMs = (entry.disk.sizeBytes / hashBytesPerMs) * restToWork
    const delayMs = Math.min(Math.min(100 * 2 ** held.tries, 10_000) + restMs, longestRetryMs)
    this.#held.set(path, { ...held, tries: held.tries + 1, notBeforeMs: nowMs + delayMs, lookedAtMs: nowMs })
    const longestMs = isDatabase ? longestWaitMs : boundMs(entry.disk.sizeBytes)
    return { path, delayMs, problem: nowMs - held.sinceMs >= longestMs ? neverAtRest : null }
  }

  /** What was taken in, is gone, or is no longer different: it begins anew. */
  forget(path: RelativePath): void {
    if (this.#held.size === 0) return
    this.#held.delete(path)
    this.#held.delete(databaseOf(path))
  }

  /** Everything was looked at since then (monotonic): what was not seen among it is gone, or no longer different. */
  forgetUnseenSince(monotonicMs: number): void {
    for (const [path, held] of this.#held) if (held.lookedAtMs < monotonicMs) this.#held.delete(path)
  }

  /** The databases of which something changed, with what changed of each. */
  #databasesIn(
    { changed, gone }: Differences,
    previous: (path: RelativePath) => DiskState | null,
  ): ReadonlyMap<RelativePath, Members> {
    const databases = new Map<RelativePath, Members>()
    const add = (path: RelativePath): void => {
      const database = databaseOf(path)
      if (database !== path || this.#held.get(path)?.isDatabase === true) databases.set(database, emptyMembers())
    }
    const files = changed.filter((entry) => entry.disk.kind === 'file')
    for (const entry of files) add(entry.path)
    for (const path of gone) add(path)
    if (databases.size === 0) return databases
    for (const entry of files) databases.get(databaseOf(entry.path))?.changed.push(entry)
    for (const path of gone) databases.get(databaseOf(path))?.gone.push(path)
    for (const [database, members] of databases) {
      // `diary-journal` beside no `diary`, or beside a folder of that name, is a file like any other.
      const isNew = members.changed.some((entry) => entry.path === database)
      if (!isNew && previous(database)?.kind !== 'file') databases.delete(database)
    }
    return databases
  }

  #waitForDatabase(database: RelativePath, { changed, gone }: Members): Wait | null {
    const members = changed.toSorted((a, b) => comparePaths(a.path, b.path))
    const sizeBytes = members.reduce((sum, entry) => sum + entry.disk.sizeBytes, 0)
    const quietMs = Math.max(databaseQuietMs, quietMsFor(sizeBytes))
    if (!this.#held.has(database) && !members.some((entry) => this.#isFresh(entry.disk, quietMs))) return null
    const state = `${members.map(stateText).join('|')}|${gone.toSorted(comparePaths).join('|')}`
    return this.#hold(database, { state, quietMs, longestMs: longestWaitMs, isDatabase: true })
  }

  #waitForFile(entry: ScanEntry, previous: (path: RelativePath) => DiskState | null): Wait | null {
    const { path, disk } = entry
    const quietMs = quietMsFor(disk.sizeBytes)
    const held = this.#held.get(path)
    const isTooOften = held === undefined && this.#isTooOften(entry, previous)
    if (held === undefined && !isTooOften && !this.#isFresh(disk, quietMs)) return null
    const leastMs = isTooOften ? rewrittenQuietMs : (held?.leastQuietMs ?? 0)
    const longestMs = boundMs(disk.sizeBytes)
    return this.#hold(path, { state: stateText(entry), quietMs: Math.max(quietMs, leastMs), longestMs })
  }

  #isTooOften({ path, disk }: ScanEntry, previous: (path: RelativePath) => DiskState | null): boolean {
    if (!this.#isFresh(disk, rewrittenQuietMs)) return false
    const before = previous(path)
    // The two times are of the same clock, whichever that is.
    const sinceMs = before === null ? Number.POSITIVE_INFINITY : Number(disk.mtimeNs - before.mtimeNs) / 1e6
    if (sinceMs <= 0 || sinceMs > rewrittenWithinMs) return false
    return !this.#pace.allows(path, this.#clock.monotonic())
  }

  #hold(path: RelativePath, look: Look): Wait | null {
    const nowMs = this.#clock.monotonic()
    const { state, quietMs, longestMs, isDatabase = false } = look
    const before = this.#held.get(path) ?? newHeld(state, nowMs, isDatabase)
    const restsSinceMs = before.state === state ? before.restsSinceMs : nowMs
    const held = { ...before, state, restsSinceMs, lookedAtMs: nowMs, leastQuietMs: quietMs, isDatabase }
    this.#held.set(path, held)
    const restsAtMs = restsSinceMs + quietMs
    const isTooLong = nowMs - held.sinceMs >= longestMs
    const delayMs = Math.max(Math.min(restsAtMs, held.sinceMs + longestMs), held.notBeforeMs) - nowMs
    if (delayMs > 0) return { delayMs, problem: isTooLong && held.tries > 0 ? neverAtRest : null }
    if (isTooLong && restsAtMs > nowMs) this.#pace.exhaust(path, nowMs)
    return null
  }

  /**
   * By mtime, which a write sets and a rename does not. A file from the future was written when a clock was wrong: it is
   * not being written now.
   */
  #isFresh(disk: DiskState, quietMs: number): boolean {
    if (quietMs === 0) return false
    const ageMs = this.#clock.now() - Number(disk.mtimeNs) / 1e6
    return ageMs < quietMs && ageMs > -skewMsMax
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonic()
    if (nowMs - this.#sweptAtMs < sweepMs) return
    this.#sweptAtMs = nowMs
    this.#pace.sweep(nowMs)
    for (const [path, held] of this.#held) if (isStale(held, nowMs)) this.#held.delete(path)
  }
}

/** A file, or a database with what is beside it, that is being written. Times are monotonic. */
interface Held {
  readonly state: string
  readonly sinceMs: number
  readonly restsSinceMs: number
  readonly lookedAtMs: number
  /** How often it changed while it was read, and when it may be read again. */
  readonly tries: number
  readonly notBeforeMs: number
  readonly leastQuietMs: number
  readonly isDatabase: boolean
}

interface Members {
  readonly changed: ScanEntry[]
  readonly gone: RelativePath[]
}

interface Look {
  readonly state: string
  readonly quietMs: number
  readonly longestMs: number
  readonly isDatabase?: boolean
}

type Wait = Omit<Waiting, 'path'>

function newHeld(state: string, nowMs: number, isDatabase: boolean): Held {
  const times = { sinceMs: nowMs, restsSinceMs: nowMs, lookedAtMs: nowMs, notBeforeMs: nowMs }
  return { state, ...times, tries: 0, leastQuietMs: 0, isDatabase }
}

/** Nobody looked at it for long: it is gone, or as it was before. */
function isStale(held: Held, nowMs: number): boolean {
  return nowMs > Math.max(held.lookedAtMs, held.notBeforeMs) + longestWaitMs
}

function emptyMembers(): Members {
  return { changed: [], gone: [] }
}

function stateText({ path, disk }: ScanEntry): string {
  return `${path}:${disk.inode}:${disk.sizeBytes}:${disk.mtimeNs}:${disk.ctimeNs}`
}

/** A fifth of the time that hashing takes; nothing where that is no time to speak of. */
function quietMsFor(sizeBytes: number): number {
  return sizeBytes <= smallBytesMax ? 0 : Math.min(sizeBytes / hashBytesPerMs / 5, quietMsMax)
}

function boundMs(sizeBytes: number): number {
  return sizeBytes <= smallBytesMax ? smallWaitMs : longestWaitMs
}

const neverAtRest = 'it is being written all the time: it will be synced once it rests for a moment'

const smallBytesMax = 8 * 1024 * 1024
const smallWaitMs = 10_000
const longestWaitMs = 60_000
const rewrittenQuietMs = 250
const rewrittenWithinMs = 2_000
const databaseQuietMs = 500
const quietMsMax = 2_000
const hashBytesPerMs = 2 * 1024 * 1024
/** A file that changes while it is read is read a fifth of the time, at most. */
const restToWork = 4
const longestRetryMs = 60_000
/** Other machines' disks have clocks of their own. */
const skewMsMax = 60_000
const sweepMs = 10_000
