import { errorText, P2psyncError } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { FolderWatcher, WatchHint } from '../ports/folder-watcher.ts'
import type { Logger } from '../ports/logger.ts'
import type { DirtyPaths } from './dirty-paths.ts'

/** The watcher of one folder, which is a new one each time that the folder comes back. */
export class FolderWatch {
  readonly #deps: FolderWatchDeps
  #watcher: FolderWatcher | null = null

  constructor(deps: FolderWatchDeps) {
    this.#deps = deps
  }

  /** Watches from now on. What changed before the watcher was ready, a scan finds. */
  async start(): Promise<void> {
    const { signal, isMissing, newWatcher, path, dirty, onProblem } = this.#deps
    await this.stop()
    if (signal.aborted || isMissing()) return
    const watcher = newWatcher()
    this.#watcher = watcher
    onProblem('')
    try {
      await watcher.start(path, (hint) => this.#onHint(hint))
      dirty.addAll()
    } catch (error) {
      const hint = error instanceof P2psyncError ? error.hint : ''
      if (signal.aborted) return
      this.#onHint({ type: 'failed', reason: errorText(error), hint })
      dirty.addAll()
    }
  }

  /** As {@link start}, but has everything looked at before when that takes longer than `patienceMs`. */
  async startWithin(patienceMs: number): Promise<void> {
    const { clock, signal, dirty } = this.#deps
    const ready = this.start().then(() => true)
    const patience = clock.sleep(patienceMs, signal).then(
      () => false,
      () => true,
    )
    if (!(await Promise.race([ready, patience]))) dirty.addAll()
    await ready
  }

  async stop(): Promise<void> {
    await this.#watcher?.stop()
  }

  #onHint(hint: WatchHint): void {
    const { dirty, logger, onProblem } = this.#deps
    if (hint.type === 'paths') for (const path of hint.paths) dirty.addSpelled(path)
    else if (hint.type === 'overflow') dirty.addAll()
    else if (hint.type === 'recovered') onProblem('')
    else {
      onProblem(`${hint.reason} ${hint.hint}`.trim())
      logger.warn('watching failed', { reason: hint.reason, hint: hint.hint })
    }
  }
}

export interface FolderWatchDeps {
  /** Absolute. */
  readonly path: string
  readonly newWatcher: () => FolderWatcher
  readonly clock: Clock
  readonly logger: Logger
  readonly dirty: DirtyPaths
  readonly signal: AbortSignal
  readonly isMissing: () => boolean
  /** Why watching does not work; '' when it is begun. */
  readonly onProblem: (problem: string) => void
}
