import { setImmediate } from 'node:timers'
import type { Clock } from '../../src/ports/clock.ts'

/** Turns of the event loop that work gets at most before time goes on. */
const turnsPerStepMax = 64
/** Turns in which nothing was asked of {@link SimulatedClock.soon}: others may have asked for a turn on their own. */
const quietTurns = 3

/**
 * Time that passes only while {@link run} is called, from one sleeper to the next: hours in a moment, and the same order
 * of events in each run. Not modelled: that work takes time.
 */
export class SimulatedClock {
  #nowMs = 0
  #count = 0
  #asked = 0
  #sleepers: Sleeper[] = []

  /** A device's view of this time, whose wall clock is off by so much. */
  view(offMs: () => number = () => 0): Clock {
    return {
      now: () => startMs + this.#nowMs + offMs(),
      monotonic: () => this.#nowMs,
      sleep: (milliseconds, signal) => this.#sleep(milliseconds, signal),
    }
  }

  /** What a disk would stamp on a file now: the kernel's tick is 4 ms. */
  stampNs(offMs = 0): bigint {
    return BigInt(Math.floor((startMs + this.#nowMs + offMs) / tickMs) * tickMs) * 1_000_000n
  }

  /** Lets time pass until `until` holds; returns false when it does not within `limitMs`. */
  async run(until: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.#nowMs + limitMs
    for (;;) {
      await this.#settle()
      if (until()) return true
      const next = this.#takeNext(endMs)
      if (next === null) {
        this.#nowMs = endMs
        return until()
      }
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.wake()
    }
  }

  /** Lets time pass while `work` goes on. */
  async during(work: Promise<void>): Promise<void> {
    let ended = false
    const end = (): void => {
      ended = true
    }
    work.then(end, end)
    await this.run(() => ended, 600_000)
    if (!ended) throw new Error('it does not end')
    await work
  }

  /** Calls `act` in a turn of its own, in the order of the calls, before time goes on. */
  soon(act: () => void): void {
    this.#asked++
    setImmediate(act)
  }

  /** A turn of the event loop. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.soon(resolve))
  }

  async pass(milliseconds: number): Promise<void> {
    await this.run(() => false, milliseconds)
  }

  async #settle(): Promise<void> {
    let quiet = 0
    for (let turn = 0; turn < turnsPerStepMax && quiet < quietTurns; turn++) {
      const asked = this.#asked
      await new Promise<void>((resolve) => setImmediate(resolve))
      quiet = this.#asked === asked ? quiet + 1 : 0
    }
  }

  #takeNext(endMs: number): Sleeper | null {
    let next: Sleeper | null = null
    for (const sleeper of this.#sleepers) {
      if (sleeper.dueMs > endMs) continue
      if (next === null || sleeper.dueMs < next.dueMs || (sleeper.dueMs === next.dueMs && sleeper.count < next.count)) {
        next = sleeper
      }
    }
    this.#sleepers = this.#sleepers.filter((other) => other !== next)
    return next
  }

  #sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (signal?.aborted === true) {
      reject(signal.reason)
      return promise
    }
    const sleeper: Sleeper = { dueMs: this.#nowMs + Math.max(milliseconds, 0), count: this.#count++, wake: resolve }
    this.#sleepers.push(sleeper)
    const stop = (): void => {
      this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
      reject(signal?.reason)
    }
    sleeper.wake = () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }
    signal?.addEventListener('abort', stop, { once: true })
    return promise
  }
}

interface Sleeper {
  readonly dueMs: number
  readonly count: number
  wake: () => void
}

const startMs = Date.UTC(2026, 0, 1)
const tickMs = 4
