import { isRelativePath, type RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import { LaterPaths } from './later-paths.ts'

/** What has to be looked at: some paths, or everything. */
export type DirtyBatch = { readonly type: 'all' } | { readonly type: 'paths'; readonly paths: readonly RelativePath[] }

/** More different paths than this are everything: walking it is cheaper then. */
const pathsMax = 50_000
const unreadableRetryMs = 60_000

/**
 * Collects hints of what may have changed until the engine takes them, for a short while: an editor's save by rename, or
 * both ends of a move, should be looked at together.
 *
 * A lone change is handed out when nothing more came for 3 ms. The more paths were handed out within the last second,
 * the longer the next ones are collected, up to 300 ms, so that a burst costs few commits. No hint waits longer than
 * that, and those that came while the engine was busy have waited already.
 */
export class DirtyPaths {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #later = new LaterPaths()
  /** When everything is due, because more paths were to come later than can be held. */
  #allLaterMs = Number.POSITIVE_INFINITY
  #paths = new Set<RelativePath>()
  #all = false
  #hints = 0
  #firstHintAt = Number.NEGATIVE_INFINITY
  #lastHintAt = Number.NEGATIVE_INFINITY
  #load: Load = { paths: 0, atMs: 0 }
  #wake: (() => void) | null = null

  constructor(deps: { clock: Clock; signal: AbortSignal }) {
    this.#clock = deps.clock
    this.#signal = deps.signal
    deps.signal.addEventListener('abort', () => this.#wake?.(), { once: true })
  }

  /** Whether nothing is to be looked at now. */
  get isEmpty(): boolean {
    return !this.#all && this.#paths.size === 0 && this.#dueMs > this.#clock.monotonic()
  }

  add(path: RelativePath): void {
    if (this.#all || this.#paths.has(path)) this.#hinted(0)
    else {
      this.#put(path)
      this.#hinted(1)
    }
  }

  addAll(): void {
    this.#putAll()
    this.#hinted(0)
  }

  /** A path as the disk spells it; one that is no relative path stands for the folder that holds it. */
  addSpelled(spelled: string): void {
    let text = spelled
    while (text !== '' && !isRelativePath(text)) text = text.slice(0, Math.max(text.lastIndexOf('/'), 0))
    if (text === '') this.addAll()
    else if (isRelativePath(text)) this.add(text)
  }

  /** A path that is to be looked at again after a while; one that comes later already comes at the sooner time. */
  addLater(path: RelativePath, delayMs: number): void {
    if (this.#later.size >= pathsMax) return this.#addAllLater(delayMs)
    this.#later.add(path, this.#clock.monotonic() + delayMs)
    this.#wake?.()
  }

  /** What could not be read, '' for everything: nobody says when it can be, so it is looked at again after a while. */
  addUnreadable(path: RelativePath | ''): void {
    if (path === '') this.#addAllLater(unreadableRetryMs)
    else this.addLater(path, unreadableRetryMs)
  }

  /** The next batch; waits for one. Null once the signal is aborted. */
  async take(): Promise<DirtyBatch | null> {
    while (this.isEmpty && !this.#signal.aborted) await this.#hintOrDue()
    await this.#collect()
    if (this.#signal.aborted) return null
    this.#putDue()
    const batch: DirtyBatch = this.#all ? { type: 'all' } : { type: 'paths', paths: [...this.#paths] }
    const nowMs = this.#clock.monotonic()
    this.#load = { paths: loadAt(this.#load, nowMs) + this.#hints, atMs: nowMs }
    this.#paths = new Set()
    this.#all = false
    this.#hints = 0
    this.#firstHintAt = Number.NEGATIVE_INFINITY
    return batch
  }

  /**
   * What has come by now, without waiting; nothing when everything is to be looked at. What `isFound` stays to be looked
   * at: it may have changed since that was done.
   */
  takeArrived(isFound: (path: RelativePath) => boolean): readonly RelativePath[] {
    if (this.#all) return []
    const paths = [...this.#paths].filter((path) => !isFound(path))
    for (const path of paths) this.#paths.delete(path)
    return paths
  }

  get #dueMs(): number {
    return Math.min(this.#later.dueMs, this.#allLaterMs)
  }

  async #hintOrDue(): Promise<void> {
    const hint = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    const delayMs = this.#dueMs - this.#clock.monotonic()
    const waits = [hint]
    const enough = new AbortController()
    if (delayMs < Number.POSITIVE_INFINITY) {
      waits.push(this.#clock.sleep(delayMs, enough.signal).catch(() => undefined))
    }
    await Promise.race(waits)
    enough.abort()
  }

  async #collect(): Promise<void> {
    while (!this.#signal.aborted) {
      const nowMs = this.#clock.monotonic()
      const { quietMs, longestMs } = collectingTimes(loadAt(this.#load, nowMs))
      const endMs = Math.min(this.#lastHintAt + quietMs, this.#firstHintAt + longestMs)
      if (nowMs >= endMs) return
      await this.#clock.sleep(endMs - nowMs, this.#signal).catch(() => undefined)
    }
  }

  #addAllLater(delayMs: number): void {
    this.#allLaterMs = Math.min(this.#allLaterMs, this.#clock.monotonic() + delayMs)
    this.#wake?.()
  }

  #putDue(): void {
    const nowMs = this.#clock.monotonic()
    if (this.#allLaterMs <= nowMs) {
      this.#allLaterMs = Number.POSITIVE_INFINITY
      this.#putAll()
    }
    for (const path of this.#later.takeDue(nowMs)) this.#put(path)
  }

  #put(path: RelativePath): void {
    if (this.#paths.size >= pathsMax) this.#putAll()
    else if (!this.#all) this.#paths.add(path)
  }

  #putAll(): void {
    this.#all = true
    this.#paths.clear()
  }

  #hinted(paths: number): void {
    const nowMs = this.#clock.monotonic()
    this.#hints += paths
    this.#lastHintAt = nowMs
    if (this.#firstHintAt === Number.NEGATIVE_INFINITY) this.#firstHintAt = nowMs
    this.#wake?.()
  }
}

/** How many paths were handed out lately: those of a second ago count a third. */
interface Load {
  readonly paths: number
  readonly atMs: number
}

function loadAt(load: Load, nowMs: number): number {
  return load.paths * Math.exp((load.atMs - nowMs) / 1000)
}

/** So many paths a second are no burst: a person's saves, or a program that waits for each of them. */
const freePaths = 250
const quietMsMin = 3
const longestMsMin = 30
const longestMsMax = 300

/** How long a pause ends a batch, and after how long it ends without one. */
function collectingTimes(load: number): { readonly quietMs: number; readonly longestMs: number } {
  const burstMs = Math.min((load - freePaths) * 0.4, longestMsMax)
  return { quietMs: Math.max(burstMs / 4, quietMsMin), longestMs: Math.max(burstMs, longestMsMin) }
}
