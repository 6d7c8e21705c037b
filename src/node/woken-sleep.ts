import type { Clock } from '../ports/clock.ts'

/** A sleep that others can end before its time, or before it begins. One at a time. */
export class WokenSleep {
  readonly #clock: Pick<Clock, 'sleep'>
  #waking: AbortController | null = null
  #woken = false

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock
  }

  /** Resolves after the time, or once there was a {@link wake} since the last sleep. @throws the signal's reason once that is aborted. */
  async sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    const waking = new AbortController()
    this.#waking = waking
    try {
      if (!this.#woken) await this.#clock.sleep(milliseconds, AbortSignal.any([signal, waking.signal]))
    } catch (error) {
      if (!waking.signal.aborted) throw error
    } finally {
      this.#waking = null
      this.#woken = false
    }
    signal.throwIfAborted()
  }

  wake(): void {
    this.#woken = true
    this.#waking?.abort()
  }
}
