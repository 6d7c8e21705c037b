import type { Clock } from '../ports/clock.ts'
import type { Throttle } from '../ports/throttle.ts'
import { FairLimiter } from './fair-limiter.ts'
import {
  limitsAt,
  nextLimitChange,
  parseTimetable,
  type RateLimits,
  type TimetableEntry,
  type WallTime,
} from './limit-timetable.ts'

/** What a person has chosen: limits that hold when no entry of the timetable does. */
export interface LimitChoice extends RateLimits {
  /** Lines for `parseTimetable`, which has read them before. */
  readonly schedule: readonly string[]
}

export const noLimits: LimitChoice = { up: null, down: null, schedule: [] }

/**
 * The limits of a node: one limiter for each direction, set by choice and timetable. The clock on the wall is looked at each
 * minute as long as there is a timetable, so that daylight saving, a journey or a sleep of the computer matter for a
 * minute at most.
 */
export class ScheduledLimits {
  readonly #clock: Clock
  readonly #wallTime: (ms: number) => WallTime
  readonly #up: FairLimiter
  readonly #down: FairLimiter
  #choice: LimitChoice = noLimits
  /** The schedule of {@link #choice}. */
  #timetable: readonly TimetableEntry[] = []
  #looking = new AbortController()

  /** @param deps.wallTime what a clock on the wall here shows, at milliseconds since 1970. */
  constructor(deps: { clock: Clock; wallTime?: (ms: number) => WallTime }, choice: LimitChoice) {
    this.#clock = deps.clock
    this.#wallTime = deps.wallTime ?? localWallTime
    this.#up = new FairLimiter(deps.clock)
    this.#down = new FairLimiter(deps.clock)
    this.choose(choice)
  }

  /** @throws {P2psyncError} `usage` when a line of the timetable cannot be read; nothing has changed then. */
  choose(choice: LimitChoice): void {
    this.#timetable = parseTimetable(choice.schedule)
    this.#choice = choice
    this.#looking.abort()
    this.#looking = new AbortController()
    this.#apply()
    if (this.#timetable.length > 0) void this.#look(this.#looking.signal)
  }

  stop(): void {
    this.#looking.abort()
  }

  /** The limits that hold now, what was chosen, and when by the clock on the wall they change next. */
  now(): { readonly limits: RateLimits; readonly choice: LimitChoice; readonly next: WallTime | null } {
    const time = this.#wallTime(this.#clock.now())
    const next = nextLimitChange(this.#timetable, this.#choice, time)
    return { limits: limitsAt(this.#timetable, this.#choice, time), choice: this.#choice, next }
  }

  /** What one folder of one peer asks for leave. */
  throttles(peer: string, folder: string): { readonly up: Throttle; readonly down: Throttle } {
    return { up: this.#up.throttle(peer, folder), down: this.#down.throttle(peer, folder) }
  }

  #apply(): void {
    const { limits } = this.now()
    this.#up.setRate(limits.up)
    this.#down.setRate(limits.down)
  }

  async #look(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const intoMinuteMs = this.#clock.now() % minuteMs
      await this.#clock.sleep(minuteMs - intoMinuteMs, signal).catch(() => undefined)
      if (!signal.aborted) this.#apply()
    }
  }
}

const minuteMs = 60_000

function localWallTime(ms: number): WallTime {
  const date = new Date(ms)
  return { weekday: (date.getDay() + 6) % 7, minute: date.getHours() * 60 + date.getMinutes() }
}
