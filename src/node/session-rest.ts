import type { Clock } from '../ports/clock.ts'
import { WokenSleep } from './woken-sleep.ts'

/** Both sides have been at rest for so long when a difference of the roots is looked into. */
const walkAfterRestMs = 2000
const walkAgainMsMax = 10 * 60_000
const pollMs = 500
/** A session in sync is looked at so often though nobody wakes it. */
const restMsMax = 60_000

/**
 * What a session does beside sending and receiving: saves its progress and, when both sides have been at rest with
 * different roots for a while, walks the peer's tree. In sync it sleeps until it is woken.
 */
export class SessionRest {
  /** A walk is due or under way. */
  isWalking = false
  readonly #deps: SessionRestDeps
  readonly #sleep: WokenSleep

  constructor(deps: SessionRestDeps) {
    this.#deps = deps
    this.#sleep = new WokenSleep(deps.clock)
  }

  /** Something of ours or the peer's has changed. */
  wake(): void {
    this.#sleep.wake()
  }

  async run(): Promise<void> {
    const { clock, signal, isInSync, differsAtRest, walk, saveProgress, acknowledge, onChange } = this.#deps
    let restSince = clock.monotonic()
    let pauseMs = walkAfterRestMs
    while (!signal.aborted) {
      if (this.isWalking) {
        const found = await walk()
        // Only now: of a walk that failed, no progress may be saved.
        this.isWalking = false
        onChange()
        pauseMs = found > 0 ? walkAfterRestMs : Math.min(pauseMs * 2, walkAgainMsMax)
        restSince = clock.monotonic()
      }
      await clock.sleep(pollMs, signal)
      await saveProgress()
      if (isInSync()) {
        pauseMs = walkAfterRestMs
        await this.#sleep.sleep(Math.min(await acknowledge(), restMsMax), signal)
        restSince = clock.monotonic()
      }
      if (!differsAtRest()) restSince = clock.monotonic()
      if (clock.monotonic() - restSince >= pauseMs) this.isWalking = true
    }
  }
}

export interface SessionRestDeps {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>
  readonly signal: AbortSignal
  /** Both replicas hold the same, and nothing is on its way. */
  readonly isInSync: () => boolean
  /** Nothing is on its way, and yet they differ. */
  readonly differsAtRest: () => boolean
  /** Resolves to for how many records of the peer there was something to do. */
  readonly walk: () => Promise<number>
  readonly saveProgress: () => Promise<void>
  /** Called while both are in sync; resolves to in how many milliseconds it wants to be again. */
  readonly acknowledge: () => Promise<number>
  readonly onChange: () => void
}
