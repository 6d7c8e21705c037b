import { errorText } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { troublePollMs } from './folder-presence.ts'

/** The same failure is told again after so long. */
const toldAgainMs = 60_000

/** What happens when the folder could not be looked at, as often on a full disk as there are edits: told and tried again in moderation. */
export class LookFailures {
  readonly #deps: LookFailuresDeps
  #text = ''
  #toldMs = Number.NEGATIVE_INFINITY
  #isWaiting = false

  constructor(deps: LookFailuresDeps) {
    this.#deps = deps
  }

  /** Has `retry` called after a while, unless it will be anyway. */
  async onFailed(error: unknown, retry: () => void): Promise<void> {
    const { clock, logger, signal } = this.#deps
    const text = errorText(error)
    if (text !== this.#text || clock.monotonic() > this.#toldMs + toldAgainMs) {
      this.#text = text
      this.#toldMs = clock.monotonic()
      logger.error('looking at the folder failed', { error: text })
    }
    if (this.#isWaiting) return
    this.#isWaiting = true
    await clock.sleep(troublePollMs, signal).catch(() => undefined)
    this.#isWaiting = false
    if (!signal.aborted) retry()
  }
}

export interface LookFailuresDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
}
