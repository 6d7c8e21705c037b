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
  #asked = 0
  /** In the order in which they wake; of those due at once the first to sleep is first. */
  readonly #sleepers: Sleeper[] = []

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

  #settle(): Promise<void> {
    return new Promise((resolve) => {
      let quiet = 0
      let turns = 0
      let asked = this.#asked
      const turn = (): void => {
        quiet = this.#asked === asked ? quiet + 1 : 0
        asked = this.#asked
        if (++turns < turnsPerStepMax && quiet < quietTurns) setImmediate(turn)
        else resolve()
      }
      setImmediate(turn)
    })
  }

  #takeNext(endMs: number): Sleeper | null {
    const next = this.#sleepers[0]
    if (next === undefined || next.dueMs > endMs) return null
    this.#sleepers.shift()
    return next
  }

  #sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (signal?.aborted === true) {
      reject(signal.reason)
      return promise
    }
    const stop = (): void => {
      const at = this.#sleepers.indexOf(sleeper)
      if (at >= 0) this.#sleepers.splice(at, 1)
      reject(signal?.reason)
    }
    const wake = (): void => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }
    const sleeper: Sleeper = { dueMs: this.#nowMs + Math.max(milliseconds, 0), wake }
    const before = this.#sleepers.findLastIndex(({ dueMs }) => dueMs <= sleeper.dueMs)
    this.#sleepers.splice(before + 1, 0, sleeper)
    signal?.addEventListener('abort', stop, { once: true })
    return promise
  }
}

interface Sleeper {
  readonly dueMs: number
  readonly wake: () => void
}

const startMs = Date.UTC(2026, 0, 1)
const tickMs = 4
