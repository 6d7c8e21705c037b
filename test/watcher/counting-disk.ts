import {
  type FolderIdentity,
  type FolderPart,
  realWatchedDisk,
  type FolderWatch,
  type WatchedDisk,
  type WatchEventListener,
} from '../../src/watcher/watched-disk.ts'

/** The real disk, which counts the watches that are open, and has no more than a test allows. */
export class CountingDisk implements WatchedDisk {
  readonly lookAtFolder = (path: string): FolderIdentity | null => realWatchedDisk.lookAtFolder(path)
  readonly readNumber = (path: string): number | null => realWatchedDisk.readNumber(path)
  readonly readFolder = (path: string): Generator<FolderPart> => realWatchedDisk.readFolder(path)
  /** More fail as they do when the system has none left. */
  watchesMax = Infinity
  /** Paths ending so may not be watched. */
  forbidden: string | null = null
  /** Called before a watch is made. */
  onWatch: (path: string) => void = () => undefined
  #open = 0

  get openWatches(): number {
    return this.#open
  }

  watch(path: string, onEvent: WatchEventListener): FolderWatch {
    if (this.forbidden !== null && path.endsWith(this.forbidden)) throw systemError('EACCES')
    if (this.#open >= this.watchesMax) throw systemError('ENOSPC')
    this.onWatch(path)
    const watch = realWatchedDisk.watch(path, onEvent)
    this.#open++
    let isOpen = true
    return {
      close: () => {
        if (isOpen) this.#open--
        isOpen = false
        watch.close()
      },
    }
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: watch`), { code })
}
