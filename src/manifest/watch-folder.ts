import { P2psyncError } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { FolderWatcher, WatchHint } from '../ports/folder-watcher.ts'
import { joinDifferences, type TreeDifference } from './compare-trees.ts'
import { FolderSnapshot, type SnapshotDeps } from './folder-snapshot.ts'
import { HintWindow } from './hint-window.ts'
import { RenamePairing, type EntryChange } from './pair-renames.ts'

export interface WatchFolderOptions extends SnapshotDeps {
  readonly watcher: FolderWatcher
  readonly clock: Clock
  /** Ends it. */
  readonly signal: AbortSignal
  /** Called once, when every change from now on will be seen. */
  readonly onReady: (seen: { readonly entries: number }) => void
  /** What has happened, in an order in which it may have; nothing more is looked at until the promise resolves. */
  readonly onChanges: (changes: readonly EntryChange[]) => Promise<void>
  /** Not everything can be watched; it is looked through from time to time. */
  readonly onTrouble: (trouble: { readonly reason: string; readonly hint: string }) => void
}

/**
 * Tells what happens in a folder, until the signal is aborted.
 *
 * 1. Watch, then walk: what happens between the two is hinted at.
 * 2. A hint is no more than a place to look at. What is there now is compared with what was there at the last look.
 * 3. What is gone in one place and new in another is paired; what stays gone was deleted.
 * 4. Where events were lost, everything is looked at; from time to time too, and often where nothing can be watched.
 *
 * @throws {P2psyncError} `folder-missing`, `folder-unreadable`: the folder itself, now or later.
 */
export async function watchFolder(options: WatchFolderOptions): Promise<void> {
  const { watcher, signal } = options
  const run = new WatchRun(options)
  try {
    await run.start()
    while (!signal.aborted) await run.step()
    await run.end()
  } finally {
    await watcher.stop()
  }
}

class WatchRun {
  readonly #options: WatchFolderOptions
  readonly #snapshot: FolderSnapshot
  readonly #hints: HintWindow
  readonly #pairing = new RenamePairing()
  #held: TreeDifference | null = null
  #holds = 0
  #isWatched = true
  #lookedAtAllMs = 0

  constructor(options: WatchFolderOptions) {
    this.#options = options
    this.#snapshot = new FolderSnapshot(options)
    this.#hints = new HintWindow(options)
  }

  async start(): Promise<void> {
    const { watcher, folder, clock, onReady } = this.#options
    await this.#requireFolder()
    try {
      await watcher.start(folder, (hint) => this.#take(hint))
    } catch (error) {
      if (!(error instanceof P2psyncError)) throw error
      this.#take({ type: 'failed', reason: error.message, hint: error.hint })
    }
    await this.#snapshot.look(everything)
    this.#lookedAtAllMs = clock.monotonic()
    onReady({ entries: this.#snapshot.entries })
  }

  // The watcher would wait for a folder that is not there.
  async #requireFolder(): Promise<void> {
    const { readers, folder } = this.#options
    for await (const { items } of readers.walk(folder, { starts: [], withRoot: true })) if (items.length > 0) return
  }

  /** Waits for something to look at, and looks. */
  async step(): Promise<void> {
    const { clock, signal } = this.#options
    const hinted = await this.#hints.take(this.#waitMs())
    if (signal.aborted) return
    const isDue = clock.monotonic() >= this.#nextLookMs()
    const places = isDue || hinted.type === 'all' ? everything : hinted.paths
    const seen = await this.#snapshot.look(places)
    const now = clock.monotonic()
    if (places === everything) this.#lookedAtAllMs = now
    this.#held = this.#held === null ? seen : joinDifferences(this.#held, seen)
    // In a burst of moves the new end may be seen first: what was hinted at meanwhile belongs to it.
    if (!this.#hints.isEmpty && ++this.#holds < holdsMax) return
    const difference = this.#held
    this.#held = null
    this.#holds = 0
    await this.#tell(this.#pairing.take(difference, now))
    await this.#tell(this.#pairing.takeDeleted(now))
  }

  async end(): Promise<void> {
    if (this.#held !== null) await this.#tell(this.#pairing.take(this.#held, this.#options.clock.monotonic()))
    await this.#tell(this.#pairing.takeAllDeleted())
  }

  #take(hint: WatchHint): void {
    if (hint.type === 'paths') this.#hints.add(hint.paths)
    else if (hint.type === 'overflow') this.#hints.addAll()
    else if (hint.type === 'recovered') this.#isWatched = true
    else {
      this.#isWatched = false
      if (!this.#options.signal.aborted) this.#options.onTrouble(hint)
      // Wakes it up: the next look is due earlier.
      this.#hints.add([])
    }
  }

  async #tell(changes: readonly EntryChange[]): Promise<void> {
    if (changes.length > 0) await this.#options.onChanges(changes)
  }

  #nextLookMs(): number {
    return this.#lookedAtAllMs + (this.#isWatched ? lookEveryMs : lookUnwatchedEveryMs)
  }

  #waitMs(): number {
    const now = this.#options.clock.monotonic()
    const dueAtMs = Math.min(this.#pairing.dueAtMs ?? Infinity, this.#nextLookMs())
    return Math.min(dueAtMs - now, checkFolderEveryMs)
  }
}

const holdsMax = 4
const everything: readonly string[] = ['']
const lookEveryMs = 10 * 60_000
const lookUnwatchedEveryMs = 3000
/** That a folder's parent was moved away is hinted at by nobody. */
const checkFolderEveryMs = 3000
