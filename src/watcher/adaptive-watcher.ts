import { assert, P2psyncError } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { FolderWatcher, WatchHint } from '../ports/folder-watcher.ts'
import { countEntries } from './count-entries.ts'
import { EventTurns } from './event-turns.ts'
import { FolderLevelWatcher } from './folder-level-watcher.ts'
import { HintQueue } from './hint-queue.ts'
import type { TreeWatcher, TreeWatcherDeps } from './tree-watcher.ts'
import { explainWatchError, isLimitError } from './watch-trouble.ts'
import type { WatchedDisk } from './watched-disk.ts'

export interface AdaptiveWatcherOptions {
  readonly clock: Pick<Clock, 'sleep'>
  readonly disk: WatchedDisk
  /** How many events the kernel keeps for us while we are busy; what comes then is lost without a word. */
  readonly queuedEventsMax: number
  /** Trees with so many entries or more are watched folder by folder; `Infinity` where that is not possible. */
  readonly folderLevelFrom: number
}

/**
 * Watches a folder in the thread that it runs in: a small tree with chokidar, a large one with {@link FolderLevelWatcher}.
 * What grows large, overflows, runs out of watches or has a folder that chokidar overlooks is watched folder by folder from then on; docs/decisions/0009 says why.
 * The new watcher stands before the old one ends, and one look at everything follows.
 */
export class AdaptiveWatcher implements FolderWatcher {
  readonly #options: AdaptiveWatcherOptions
  readonly #stopping = new AbortController()
  #deps: TreeWatcherDeps | null = null
  #watcher: TreeWatcher | null = null
  /** Takes the place of the other as soon as it stands. */
  #next: TreeWatcher | null = null
  #isOpen = false
  #entryCount = 0
  #isStale = false
  #replacing: Promise<void> | null = null

  constructor(options: AdaptiveWatcherOptions) {
    this.#options = options
  }

  /** A promise that `onHint` returns is waited for before the next hint. */
  async start(root: string, onHint: (hint: WatchHint) => void | Promise<void>): Promise<void> {
    assert(this.#deps === null, 'a watcher is started once')
    const { clock, queuedEventsMax, folderLevelFrom, disk } = this.#options
    const queue = new HintQueue({ send: onHint, clock })
    const turns = new EventTurns({ queuedEventsMax, onOverflow: () => this.#onOverflow() })
    this.#deps = { root, queue, turns, clock }
    try {
      if (folderLevelFrom < Infinity) this.#entryCount = countEntries(disk, root, folderLevelFrom)
      await this.#open(this.#deps)
    } catch (error) {
      await this.stop()
      const { reason, hint } = explainWatchError(error, disk)
      throw new P2psyncError(isLimitError(error) ? 'limit' : 'node-failed', reason, { hint, cause: error })
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the watcher was stopped'))
    await this.#deps?.queue.stop()
    await this.#next?.close()
    await this.#replacing
    await this.#watcher?.close()
  }

  async #open(deps: TreeWatcherDeps): Promise<void> {
    if (this.#entryCount < this.#options.folderLevelFrom) {
      try {
        await this.#become(await this.#newChokidar(deps))
      } catch (error) {
        if (!this.#mayBeFolderLevel || !isLimitError(error)) throw error
        await this.#watcher?.close()
        await this.#become(this.#newFolderLevel(deps))
      }
    } else await this.#become(this.#newFolderLevel(deps))
    this.#isOpen = true
    if (this.#isStale) this.#replace()
  }

  async #become(watcher: TreeWatcher): Promise<void> {
    this.#watcher = watcher
    await watcher.open()
  }

  /** Its code is loaded only where it is used. */
  async #newChokidar(deps: TreeWatcherDeps): Promise<TreeWatcher> {
    const { ChokidarWatcher } = await import('./chokidar-watcher.ts')
    return new ChokidarWatcher({
      ...deps,
      disk: this.#options.disk,
      onUnwatched: () => this.#replace(),
      onError: (error) => {
        if (isLimitError(error) && this.#mayBeFolderLevel) this.#replace()
        else this.#tell(error)
      },
      onSize: (difference) => {
        this.#entryCount += difference
        if (this.#entryCount >= this.#options.folderLevelFrom) this.#replace()
      },
    })
  }

  #newFolderLevel(deps: TreeWatcherDeps): FolderLevelWatcher {
    return new FolderLevelWatcher({ ...deps, disk: this.#options.disk })
  }

  get #mayBeFolderLevel(): boolean {
    return this.#options.folderLevelFrom < Infinity
  }

  #onOverflow(): void {
    if (this.#watcher instanceof FolderLevelWatcher) {
      this.#deps?.queue.addOverflow()
      void this.#watcher.resync()
    } else this.#replace()
  }

  #replace(): void {
    const deps = this.#deps
    this.#isStale = true
    if (deps === null || !this.#isOpen || this.#stopping.signal.aborted) return
    this.#replacing ??= this.#replaceNow(deps).finally(() => {
      this.#replacing = null
    })
  }

  async #replaceNow(deps: TreeWatcherDeps): Promise<void> {
    const { signal } = this.#stopping
    try {
      while (this.#isStale && !(this.#watcher instanceof FolderLevelWatcher)) {
        // Two chokidars at once would be dear; and what caused the overflow goes on for a while, as a rule.
        if (!this.#mayBeFolderLevel) await deps.clock.sleep(renewAfterMs, signal)
        this.#isStale = false
        if (!this.#mayBeFolderLevel) await this.#watcher?.close()
        this.#next = this.#mayBeFolderLevel ? this.#newFolderLevel(deps) : await this.#newChokidar(deps)
        await this.#next.open()
        signal.throwIfAborted()
        const old = this.#watcher
        this.#watcher = this.#next
        await old?.close()
      }
      if (this.#isStale && this.#watcher instanceof FolderLevelWatcher) await this.#watcher.resync()
    } catch (error) {
      // The old watcher goes on as well as it can.
      if (!signal.aborted) this.#tell(error)
    }
    this.#isStale = false
    deps.queue.addOverflow()
  }

  #tell(error: unknown): void {
    this.#deps?.queue.addFailure(explainWatchError(error, this.#options.disk))
  }
}

const renewAfterMs = 1000
