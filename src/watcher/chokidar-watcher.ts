import { watch, type FSWatcher } from 'chokidar'

import { hintPath } from './hint-path.ts'
import type { TreeWatcher, TreeWatcherDeps } from './tree-watcher.ts'
import { isLimitError } from './watch-trouble.ts'

export interface ChokidarWatcherDeps extends TreeWatcherDeps {
  readonly onError: (error: unknown) => void
  /** An entry came (1) or went (-1), as far as chokidar tells. */
  readonly onSize: (difference: number) => void
}

/**
 * Watches a folder with chokidar.
 *
 * Both chokidar's events and the raw ones below them count. The raw ones come first, and chokidar holds back some of its
 * own (empty files, a second change within 50 ms); it alone knows what lay in a new folder before that was watched.
 *
 * A new folder whose event was lost would never be watched: after an overflow another watcher has to take its place.
 */
export class ChokidarWatcher implements TreeWatcher {
  readonly #deps: ChokidarWatcherDeps
  readonly #closing = new AbortController()
  #watcher: FSWatcher | null = null

  constructor(deps: ChokidarWatcherDeps) {
    this.#deps = deps
  }

  async open(): Promise<void> {
    const { root, onSize } = this.#deps
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
    watcher.on('all', (kind, path) => {
      if (kind === 'add' || kind === 'addDir') onSize(1)
      else if (kind === 'unlink' || kind === 'unlinkDir') onSize(-1)
      this.#note(path)
    })
    watcher.on('raw', (_, name, details) => {
      this.#deps.turns.count()
      const path = rawEventPath(name, details)
      if (path !== null) this.#note(path)
    })
    watcher.on('error', this.#deps.onError)
    await becomeReady(watcher, this.#closing.signal)
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the watcher was closed'))
    await this.#watcher?.close()
  }

  #note(path: string): void {
    const hint = hintPath(this.#deps.root, path)
    if (hint !== null && !this.#closing.signal.aborted) this.#deps.queue.add(hint)
  }
}

function becomeReady(watcher: FSWatcher, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    watcher.once('ready', () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    watcher.on('error', (error) => {
      if (isLimitError(error)) reject(error)
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
