import { watch, type FSWatcher } from 'chokidar'

import { hintPath } from './hint-path.ts'
import type { TreeWatcher, TreeWatcherDeps } from './tree-watcher.ts'
import { isLimitError } from './watch-trouble.ts'
import type { WatchedDisk } from './watched-disk.ts'

export interface ChokidarWatcherDeps extends TreeWatcherDeps {
  readonly onError: (error: unknown) => void
  /** An entry came (1) or went (-1), as far as chokidar tells. */
  readonly onSize: (difference: number) => void
  /** There is a folder that chokidar does not watch. */
  readonly onUnwatched: () => void
  readonly disk: Pick<WatchedDisk, 'lookAtFolder'>
}

/** So long chokidar has to find a new folder. */
const foundWithinMs = 1000

/**
 * Watches a folder with chokidar.
 *
 * Both chokidar's events and the raw ones below them count. The raw ones come first, and chokidar holds back some of its
 * own (empty files, a second change within 50 ms); it alone knows what lay in a new folder before that was watched.
 *
 * A new folder whose event was lost would never be watched: after an overflow another watcher has to take its place. So it
 * has where chokidar goes wrong by itself: in a folder that took the place of a file before it looked, it sees nothing new.
 */
export class ChokidarWatcher implements TreeWatcher {
  readonly #deps: ChokidarWatcherDeps
  readonly #closing = new AbortController()
  #watcher: FSWatcher | null = null
  /** Folders that came a moment ago, and those that chokidar found since the first of them. */
  readonly #came = new Set<string>()
  readonly #found = new Set<string>()

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
      if (kind === 'addDir' && this.#came.size > 0) this.#found.add(path)
      this.#note(path)
    })
    watcher.on('raw', (kind, name, details) => {
      this.#deps.turns.count()
      const path = rawEventPath(name, details)
      if (path === null) return
      this.#note(path)
      if (kind === 'rename') this.#expectFolder(path)
    })
    watcher.on('error', this.#deps.onError)
    await becomeReady(watcher, this.#closing.signal)
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the watcher was closed'))
    await this.#watcher?.close()
  }

  /** `path` is where something came or went. */
  #expectFolder(path: string): void {
    const { root, disk, clock } = this.#deps
    if (hintPath(root, path) === null || !isFolder(disk, path)) return
    this.#came.add(path)
    if (this.#came.size > 1) return
    void clock.sleep(foundWithinMs, this.#closing.signal).then(
      () => this.#checkFound(),
      () => undefined,
    )
  }

  /** What chokidar says that it watches has such folders too, so that cannot be asked. */
  #checkFound(): void {
    const { disk, onUnwatched } = this.#deps
    const isLost = [...this.#came].some((path) => !this.#found.has(path) && isFolder(disk, path))
    this.#came.clear()
    this.#found.clear()
    if (isLost) onUnwatched()
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

/** What cannot be looked at cannot be watched either. */
function isFolder(disk: Pick<WatchedDisk, 'lookAtFolder'>, path: string): boolean {
  try {
    return disk.lookAtFolder(path) !== null
  } catch {
    return false
  }
}

// Polling has other details, without a path.
function rawEventPath(name: unknown, details: unknown): string | null {
  if (typeof name !== 'string' || typeof details !== 'object' || details === null) return null
  if (!('watchedPath' in details) || typeof details.watchedPath !== 'string') return null
  return `${details.watchedPath}/${name}`
}
