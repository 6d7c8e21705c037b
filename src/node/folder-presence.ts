import type { FolderMarker } from '../model/folder-marker.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import type { FolderTrouble } from './folder-view.ts'

/** A folder that is away is looked for, and a disk that failed is tried again, after so long. */
export const troublePollMs = 3000
const pollsWhenThere = 2

/** Whether the folder is there, as its marker says, and whether its disk works. */
export class FolderPresence {
  readonly #deps: FolderPresenceDeps
  #trouble: FolderTrouble | null = null
  /** It was, and {@link FolderPresenceDeps.onBack} has not been called since. */
  #wasMissing = false

  constructor(deps: FolderPresenceDeps) {
    this.#deps = deps
  }

  get trouble(): FolderTrouble | null {
    return this.#trouble
  }

  get isMissing(): boolean {
    return this.#trouble?.kind === 'missing'
  }

  /** Checks the marker; without it nothing is published or applied from now on, until it is back. */
  async check(): Promise<boolean> {
    const { tasks, marker, logger, onChange, onFound } = this.#deps
    const found = await tasks.readMarker()
    const there = found !== null && found.folder === marker.folder && found.nonce === marker.nonce
    if (!there && !this.isMissing) {
      this.#trouble = { kind: 'missing' }
      this.#wasMissing = true
      logger.error('the folder is not there')
      onChange()
    }
    if (there && this.isMissing) {
      this.#trouble = null
      onFound()
      onChange()
    }
    return there
  }

  onDiskTrouble(code: string): void {
    if (this.isMissing) return
    this.#trouble = { kind: 'disk', code }
    this.#deps.onChange()
  }

  onDiskWorks(): void {
    if (this.#trouble?.kind !== 'disk') return
    this.#trouble = null
    this.#deps.onChange()
  }

  /** Looks from time to time whether the folder is there. Works until the signal is aborted. */
  async run(): Promise<void> {
    const { clock, signal, onBack } = this.#deps
    for (let polls = 1; !signal.aborted; polls++) {
      await clock.sleep(troublePollMs, signal).catch(() => undefined)
      if (signal.aborted) return
      this.onDiskWorks()
      // Nothing tells that a folder was moved away as a whole: that it is in sync must not be said of one that is gone.
      if (this.isMissing || polls % pollsWhenThere === 0) await this.check()
      if (!this.#wasMissing || this.#trouble !== null) continue
      this.#wasMissing = false
      await onBack()
    }
  }
}

export interface FolderPresenceDeps {
  readonly tasks: FileTasks
  readonly marker: FolderMarker
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly onChange: () => void
  /** Called at once, by whoever finds the folder back: what was given up is to be taken up again. */
  readonly onFound: () => void
  /** Called soon after: nothing is watched any more. */
  readonly onBack: () => Promise<void>
}
