import { dayMs } from '../model/day.ts'
import { neverRescan, type RescanIntervalMs } from '../model/rescan-interval.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'

/** A folder that cannot be watched is scanned so often instead. */
const blindIntervalMs = 60_000

/** Says from time to time that a folder is to be scanned as a whole: that finds what the watcher missed. */
export class Rescan {
  readonly #deps: RescanDeps
  #isBlind = false
  #waiting = new AbortController()

  constructor(deps: RescanDeps) {
    this.#deps = deps
  }

  /** Whether watching does not work now. */
  setBlind(isBlind: boolean): void {
    if (this.#isBlind === isBlind) return
    this.#isBlind = isBlind
    this.#waiting.abort()
  }

  /** Calls `onDue` until the signal is aborted; a tenth sooner or later, so that devices do not scan together. */
  async run(): Promise<void> {
    const { clock, random, signal, onDue } = this.#deps
    while (!signal.aborted) {
      this.#waiting = new AbortController()
      const { signal: changed } = this.#waiting
      const intervalMs = this.#intervalMs
      await clock
        .sleep(
          (intervalMs === neverRescan ? dayMs : intervalMs) * (0.9 + 0.2 * random.fraction()),
          AbortSignal.any([signal, changed]),
        )
        .catch(() => undefined)
      if (signal.aborted) return
      if (!changed.aborted && intervalMs !== neverRescan) await onDue()
    }
  }

  get #intervalMs(): RescanIntervalMs {
    const { intervalMs } = this.#deps
    if (!this.#isBlind) return intervalMs
    return intervalMs === neverRescan ? blindIntervalMs : Math.min(intervalMs, blindIntervalMs)
  }
}

export interface RescanDeps {
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly intervalMs: RescanIntervalMs
  readonly onDue: () => Promise<void>
}
