import type { Clock } from '../ports/clock.ts'
import type { WatchedFolder } from './folder-tree.ts'

export interface WatchRetryDeps {
  readonly clock: Pick<Clock, 'sleep'>
  readonly signal: AbortSignal
  /** True when this folder has a watch now, or needs none any more. */
  readonly watch: (folder: WatchedFolder) => boolean
  /** Watches and lists everything; calls {@link WatchRetry.add} when that failed again. */
  readonly watchAll: () => Promise<void>
  /** Every folder is watched. */
  readonly onDone: () => void
}

/** After the system had no watch left: tries one folder a minute, and all when that one succeeds. */
export class WatchRetry {
  readonly #deps: WatchRetryDeps
  #folder: WatchedFolder | null = null
  #running: Promise<void> | null = null

  constructor(deps: WatchRetryDeps) {
    this.#deps = deps
  }

  /** This one has no watch. */
  add(folder: WatchedFolder): void {
    this.#folder = folder
    this.#running ??= this.#run().finally(() => {
      this.#running = null
    })
  }

  /** Resolves when nothing is tried any more: soon after the signal is aborted. */
  async ended(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, signal, watch, watchAll, onDone } = this.#deps
    while (this.#folder !== null) {
      await clock.sleep(retryMs, signal).catch(() => undefined)
      if (signal.aborted) return
      const folder: WatchedFolder = this.#folder
      this.#folder = null
      if (watch(folder)) await watchAll()
      if (this.#folder === null) onDone()
    }
  }
}

const retryMs = 60_000
