import { watch, type FSWatcher } from 'chokidar'

import { P2psyncError } from '../model/errors.ts'
import type { FolderWatcher, WatchHint } from '../ports/folder-watcher.ts'
import { hintPath } from './hint-path.ts'
import { HintQueue, type HintQueueOptions } from './hint-queue.ts'
import { explainWatchError } from './watch-trouble.ts'

export interface ChokidarWatcherOptions {
  readonly sleep: HintQueueOptions['sleep']
  /** How many events the kernel keeps for us while we are busy; what comes then is lost without a word. */
  readonly queuedEventsMax: number
}

/**
 * Watches a folder with chokidar in the thread that it runs in, which should have nothing else to do: a blocked event loop
 * loses events. {@link FolderWatcher} says what hints mean.
 *
 * Both chokidar's events and the raw ones below them count. The raw ones come first, and chokidar holds back some of its
 * own (empty files, a second change within 50 ms); it alone knows what lay in a new folder before that was watched.
 *
 * Neither Node nor chokidar reports an overflow of inotify's queue. But the loop drains the whole queue in one turn, so that
 * a turn with half as many events as the queue can hold is taken for one: a false alarm costs a scan.
 */
export class ChokidarWatcher implements FolderWatcher {
  readonly #options: ChokidarWatcherOptions
  #watcher: FSWatcher | null = null
  #queue: HintQueue | null = null
  #eventsInTurn = 0
  readonly #told = new Set<string>()

  constructor(options: ChokidarWatcherOptions) {
    this.#options = options
  }

  /** A promise that `onHint` returns is waited for before the next hint. */
  async start(root: string, onHint: (hint: WatchHint) => void | Promise<void>): Promise<void> {
    const queue = new HintQueue({ send: onHint, sleep: this.#options.sleep })
    const watcher = watch(root, {
      // Its default hides `*~` and `.swp` for ever.
      atomic: false,
      followSymlinks: false,
      ignoreInitial: true,
      ignorePermissionErrors: true,
      persistent: true,
      ignored: (path) => hintPath(root, path) === null,
    })
    this.#queue = queue
    this.#watcher = watcher
    watcher.on('all', (_, path) => this.#noteEvent(hintPath(root, path)))
    watcher.on('raw', (_, name, details) => {
      this.#countEvent()
      const path = rawEventPath(name, details)
      if (path !== null) this.#noteEvent(hintPath(root, path))
    })
    try {
      await becomeReady(watcher)
    } catch (error) {
      await this.stop()
      throw error
    }
    watcher.on('error', (error) => this.#tell(error))
  }

  async stop(): Promise<void> {
    await this.#watcher?.close()
    await this.#queue?.stop()
  }

  #noteEvent(path: string | null): void {
    if (path !== null) this.#queue?.add(path)
  }

  #countEvent(): void {
    if (this.#eventsInTurn++ === 0) setImmediate(() => this.#endTurn())
  }

  #endTurn(): void {
    if (this.#eventsInTurn >= this.#options.queuedEventsMax / 2) this.#queue?.addOverflow()
    this.#eventsInTurn = 0
  }

  // Without watches each new folder is an error: a person needs to read it once.
  #tell(error: unknown): void {
    const { reason, hint } = explainWatchError(error)
    if (this.#told.has(reason) || this.#told.size >= toldMax) return
    this.#told.add(reason)
    this.#queue?.addFailure(reason, hint)
  }
}

const toldMax = 100

/** Resolves when every folder is watched. Errors but the one that makes watching pointless are not waited for. */
function becomeReady(watcher: FSWatcher): Promise<void> {
  return new Promise((resolve, reject) => {
    watcher.once('ready', resolve)
    watcher.on('error', (error) => {
      const { isLimit, reason, hint } = explainWatchError(error)
      if (isLimit) reject(new P2psyncError('limit', reason, { hint, cause: error }))
    })
  })
}

// Polling has other details, without a path.
function rawEventPath(name: unknown, details: unknown): string | null {
  if (typeof name !== 'string' || typeof details !== 'object' || details === null) return null
  if (!('watchedPath' in details) || typeof details.watchedPath !== 'string') return null
  return `${details.watchedPath}/${name}`
}
