import type { Clock } from '../ports/clock.ts'

const windowMs = 3000
const slotMs = 250
/** What came in a shorter time says little of what is to come: at first there are lists of blocks, and links that warm up. */
const steadyMs = 2000

/** Bytes a second over the last three seconds. */
export class RateMeter {
  readonly #clock: Clock
  readonly #slots: { at: number; bytes: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(bytes: number): void {
    const now = this.#clock.monotonic()
    const last = this.#slots.at(-1)
    if (last !== undefined && now - last.at < slotMs) last.bytes += bytes
    else this.#slots.push({ at: now, bytes })
    this.#drop(now)
  }

  get perSecond(): number {
    const now = this.#clock.monotonic()
    this.#drop(now)
    const first = this.#slots[0]
    if (first === undefined) return 0
    const bytes = this.#slots.reduce((sum, slot) => sum + slot.bytes, 0)
    return Math.round((bytes * 1000) / Math.max(now - first.at, slotMs))
  }

  /** Whether the rate may be taken for that of the next minutes. */
  get isSteady(): boolean {
    const now = this.#clock.monotonic()
    this.#drop(now)
    const first = this.#slots[0]
    return first !== undefined && now - first.at >= steadyMs
  }

  #drop(now: number): void {
    while (this.#slots.length > 0 && now - this.#slots[0]!.at > windowMs) this.#slots.shift()
  }
}
