import type { Clock } from '../src/ports/clock.ts'

/**
 * Lets lines through at most once in a while. What waits is kept by subject: a newer line takes the place of an older
 * one, so that a fast change costs no memory and the last word is always said.
 */
export class PacedLines {
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #write: (line: string) => void
  readonly #waiting = new Map<string, string>()
  readonly #ended = new AbortController()
  #lastAt = Number.NEGATIVE_INFINITY
  #pacing: Promise<void> | null = null

  constructor(clock: Clock, everyMs: number, write: (line: string) => void) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.#write = write
  }

  push(subject: string, line: string): void {
    if (this.#ended.signal.aborted) return
    this.#waiting.delete(subject)
    this.#waiting.set(subject, line)
    if (this.#waiting.size > waitingMax) this.#waiting.delete(this.#waiting.keys().next().value!)
    if (this.#pacing !== null) return
    if (this.#waitMs() <= 0) this.#next()
    else this.#pacing = this.#pace()
  }

  /** Writes what still waits, at once; nothing comes after it. */
  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#pacing
    while (this.#waiting.size > 0) this.#next()
  }

  async #pace(): Promise<void> {
    while (this.#waiting.size > 0) {
      try {
        await this.#clock.sleep(this.#waitMs(), this.#ended.signal)
      } catch {
        break
      }
      this.#next()
    }
    this.#pacing = null
  }

  #waitMs(): number {
    return this.#lastAt + this.#everyMs - this.#clock.monotonic()
  }

  #next(): void {
    const [oldest] = this.#waiting
    if (oldest === undefined) return
    this.#waiting.delete(oldest[0])
    this.#lastAt = this.#clock.monotonic()
    this.#write(oldest[1])
  }
}

const waitingMax = 256
