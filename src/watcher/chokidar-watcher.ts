import { watch, type FSWatcher } from 'chokidar'

import { assert, P2psyncError } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { FolderWatcher, WatchHint } from '../ports/folder-watcher.ts'
import { hintPath } from './hint-path.ts'
import { HintQueue } from './hint-queue.ts'
import { explainWatchError } from './watch-trouble.ts'

export interface ChokidarWatcherOptions {
  readonly clock: Pick<Clock, 'sleep'>
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
 * a turn with half as many events as the queue can hold is taken for one: a false alarm costs a scan. A new folder whose
 * event was lost would never be watched: after an overflow chokidar starts anew, and what was missed meanwhile is one more.
 */
export class ChokidarWatcher implements FolderWatcher {
  readonly #options: ChokidarWatcherOptions
  readonly #stopping = new AbortController()
  readonly #told = new Set<string>()
  #watcher: FSWatcher | null = null
  #queue: HintQueue | null = null
  #eventsInTurn = 0
  #isStale = false
  #renewal: Promise<void> | null = null

  constructor(options: ChokidarWatcherOptions) {
    this.#options = options
  }

  /** A promise that `onHint` returns is waited for before the next hint. */
  async start(root: string, onHint: (hint: WatchHint) => void | Promise<void>): Promise<void> {
    assert(this.#queue === null, 'a watcher is started once')
    this.#queue = new HintQueue({ send: onHint, clock: this.#options.clock })
    try {
      await this.#open(root, this.#queue)
    } catch (error) {
      await this.stop()
      const { isLimit, reason, hint } = explainWatchError(error)
      throw new P2psyncError(isLimit ? 'limit' : 'node-failed', reason, { hint, cause: error })
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the watcher was stopped'))
    await this.#queue?.stop()
    await this.#renewal
    await this.#watcher?.close()
  }

  /** Resolves when every folder is watched; rejects when the system has no watches left for that. */
  async #open(root: string, queue: HintQueue): Promise<void> {
    const note = (path: string): void => {
      const hint = hintPath(root, path)
      if (hint !== null) queue.add(hint)
    }
    const watcher = watch(root, {
      // Its default hides `*~` and `.swp` for ever.
      atomic: false,
      followSymlinks: false,
      ignoreInitial: true,
      ignorePermissionErrors: true,
      persistent: true,
      ignored: (path) => hintPath(root, path) === null,
    })
    this.#watcher = watcher
    watcher.on('all', (_, path) => note(path))
    watcher.on('error', (error) => this.#tell(error, queue))
    watcher.on('raw', (_, name, details) => {
      if (this.#eventsInTurn++ === 0) setImmediate(() => this.#endTurn(root, queue))
      const path = rawEventPath(name, details)
      if (path !== null) note(path)
    })
    await becomeReady(watcher, this.#stopping.signal)
  }

  #endTurn(root: string, queue: HintQueue): void {
    const overflowed = this.#eventsInTurn >= this.#options.queuedEventsMax / 2
    this.#eventsInTurn = 0
    if (!overflowed || this.#stopping.signal.aborted) return
    queue.addOverflow()
    this.#isStale = true
    this.#renewal ??= this.#renew(root, queue)
  }

  async #renew(root: string, queue: HintQueue): Promise<void> {
    const { signal } = this.#stopping
    try {
      while (this.#isStale) {
        // What caused the overflow goes on for a while, as a rule.
        await this.#options.clock.sleep(renewAfterMs, signal)
        this.#isStale = false
        await this.#watcher?.close()
        await this.#open(root, queue)
        queue.addOverflow()
      }
    } catch (error) {
      // Without watches for all folders those that there are go on, and a person was told.
      if (!signal.aborted) this.#tell(error, queue)
    }
    this.#renewal = null
  }

  // Without watches each new folder is an error: a person needs to read it once.
  #tell(error: unknown, queue: HintQueue): void {
    const { reason, hint } = explainWatchError(error)
    if (this.#told.has(reason) || this.#told.size >= toldMax) return
    this.#told.add(reason)
    queue.addFailure(reason, hint)
  }
}

const renewAfterMs = 1000
const toldMax = 100

function becomeReady(watcher: FSWatcher, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    watcher.once('ready', () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    watcher.on('error', (error) => {
      if (explainWatchError(error).isLimit) reject(error)
    })
    if (signal.aborted) onAbort()
  })
}

// Polling has other details, without a path.
function rawEventPath(name: unknown, details: unknown): string | null {
  if (typeof name !== 'string' || typeof details !== 'object' || details === null) return null
  if (!('watchedPath' in details) || typeof details.watchedPath !== 'string') return null
  return `${details.watchedPath}/${name}`
}
