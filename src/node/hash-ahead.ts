import type { FolderIndex } from '../file-index/folder-index.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks, HashResult, ScanEntry } from '../ports/file-tasks.ts'
import { withEarlierLists } from './earlier-lists.ts'
import { groupByBytes } from './entry-draft.ts'
import type { LocalDrafts } from './local-drafts.ts'

/** Entries in the order in which they were found, and what became of those that are files. */
export interface HashedEntries {
  readonly entries: readonly ScanEntry[]
  readonly hashes: ReadonlyMap<RelativePath, HashResult>
  /** By the wall clock, before the first of the files was opened. */
  readonly hashedAt: number
}

export interface HashAheadDeps {
  readonly index: Pick<FolderIndex, 'getMany' | 'blockList'>
  readonly tasks: Pick<FileTasks, 'hash'>
  readonly clock: Pick<Clock, 'now'>
  readonly drafts: { readonly local: Pick<LocalDrafts, 'telling' | 'settle' | 'settleAll'> }
  /** Once aborted, nothing more is hashed or given out. */
  readonly signal: AbortSignal
}

/**
 * How do finding, hashing and committing go on at the same time, in bounded memory, when what was found first is to be
 * committed first?
 *
 * Batches are drawn from `found` while fewer than {@link entriesAheadMax} entries wait for whoever takes the result; their
 * files are hashed in groups, of which {@link groupsAheadMax} are asked for at a time, so that each file worker has one in
 * hand and one in line. What is at the head of the line is given out as soon as it is hashed, together with what is ready
 * right behind it: few large commits where committing is slow, small ones at once where it is not. One large file holds
 * back what comes after it, but not its hashing.
 *
 * Ending the iteration ends `found` and waits for the groups that are being hashed. What `found` or a hash throws is
 * thrown in its place in the order.
 */
export async function* hashAhead(
  found: AsyncIterable<readonly ScanEntry[]>,
  deps: HashAheadDeps,
): AsyncGenerator<HashedEntries, void> {
  const line = new HashLine(deps)
  const source = found[Symbol.asyncIterator]()
  const filling = line.fill(source)
  try {
    for (;;) {
      const ready = await line.take()
      if (ready === null) return
      yield ready
      // Whoever took it has committed it by now.
      deps.drafts.local.settle(ready.entries)
    }
  } finally {
    line.end()
    await filling
    deps.drafts.local.settleAll()
    await source.return?.()
  }
}

const entriesAheadMax = 8000
const groupsAheadMax = 4
const entriesTogetherMax = 500

/** What was found together. */
interface Found {
  readonly entries: readonly ScanEntry[]
  readonly hashes: Map<RelativePath, HashResult>
  hashedAt: number
  groupsLeft: number
  failure: { readonly error: unknown } | null
}

/** The batches between who finds and who commits, in order. */
class HashLine {
  readonly #deps: HashAheadDeps
  readonly #line: Found[] = []
  readonly #hashing = new Set<Promise<void>>()
  #entriesAhead = 0
  #hasEnded = false
  #isFilled = false
  #changed = Promise.withResolvers<void>()

  constructor(deps: HashAheadDeps) {
    this.#deps = deps
  }

  /** Draws from `source` to its end, or until {@link end}; never rejects. */
  async fill(source: AsyncIterator<readonly ScanEntry[]>): Promise<void> {
    try {
      for (let next = await source.next(); next.done !== true && !this.#isOver; next = await source.next()) {
        await this.#add(next.value)
        while (this.#entriesAhead >= entriesAheadMax && !this.#isOver) await this.#changed.promise
        if (this.#isOver) break
      }
    } catch (error) {
      this.#line.push({ ...newFound([]), failure: { error } })
    }
    await Promise.all(this.#hashing)
    this.#isFilled = true
    this.#notify()
  }

  /** The next that are ready, or null at the end. */
  async take(): Promise<HashedEntries | null> {
    for (;;) {
      if (this.#isOver) return null
      const head = this.#line[0]
      if (head === undefined ? this.#isFilled : isReady(head)) break
      await this.#changed.promise
    }
    const taken: Found[] = []
    let count = 0
    for (let next = this.#line[0]; next !== undefined && isReady(next); next = this.#line[0]) {
      if (taken.length > 0 && (next.failure !== null || count + next.entries.length > entriesTogetherMax)) break
      if (next.failure !== null) throw next.failure.error
      taken.push(next)
      count += next.entries.length
      this.#line.shift()
    }
    this.#entriesAhead -= count
    this.#notify()
    return taken.length === 0 ? null : together(taken)
  }

  end(): void {
    this.#hasEnded = true
    this.#notify()
  }

  get #isOver(): boolean {
    return this.#hasEnded || this.#deps.signal.aborted
  }

  /** Resolves when all groups of the batch have been asked for. */
  async #add(entries: readonly ScanEntry[]): Promise<void> {
    if (entries.length === 0) return
    const groups = groupByBytes(entries.filter((entry) => entry.disk.kind === 'file'))
    const found = { ...newFound(entries), groupsLeft: groups.length, hashedAt: this.#deps.clock.now() }
    this.#line.push(found)
    this.#entriesAhead += entries.length
    this.#notify()
    for (const group of groups) {
      while (this.#hashing.size >= groupsAheadMax && !this.#isOver) await Promise.race(this.#hashing)
      if (this.#isOver) return
      const hashing = this.#hash(found, group).then(() => {
        this.#hashing.delete(hashing)
        this.#notify()
      })
      this.#hashing.add(hashing)
    }
  }

  async #hash(found: Found, group: readonly ScanEntry[]): Promise<void> {
    try {
      const telling = await this.#deps.drafts.local.telling(group)
      const requests = await withEarlierLists(group, this.#deps.index)
      for (const result of await this.#deps.tasks.hash(requests, telling)) found.hashes.set(result.path, result)
    } catch (error) {
      found.failure ??= { error }
    }
    found.groupsLeft--
  }

  #notify(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

function newFound(entries: readonly ScanEntry[]): Found {
  return { entries, hashes: new Map(), hashedAt: 0, groupsLeft: 0, failure: null }
}

function isReady(found: Found): boolean {
  return found.groupsLeft === 0 || found.failure !== null
}

function together(taken: readonly Found[]): HashedEntries {
  const [first] = taken
  if (taken.length === 1 && first !== undefined) return first
  const hashes = new Map<RelativePath, HashResult>()
  for (const found of taken) for (const [path, result] of found.hashes) hashes.set(path, result)
  return {
    entries: taken.flatMap((found) => found.entries),
    hashes,
    hashedAt: taken.reduce((least, found) => Math.min(least, found.hashedAt), Number.POSITIVE_INFINITY),
  }
}
