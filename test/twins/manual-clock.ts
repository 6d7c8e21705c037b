import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../src/ports/clock.ts'

/** A clock that stands still until {@link ManualClock.advance} moves it. Sleepers wake in the order of their times. */
export class ManualClock implements Clock {
  #nowMs = 0
  #sleepers: { readonly dueMs: number; readonly wake: () => void }[] = []

  now(): number {
    return this.#nowMs + 1_700_000_000_000
  }

  monotonic(): number {
    return this.#nowMs
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(reasonOf(signal))
        return
      }
      const onAbort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        if (signal !== undefined) reject(reasonOf(signal))
      }
      const sleeper = {
        dueMs: this.#nowMs + milliseconds,
        wake: () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#sleepers.push(sleeper)
    })
  }

  /** Moves the time on, wakes who is due on the way, and lets what they do settle before it goes further. */
  async advance(milliseconds: number): Promise<void> {
    const endMs = this.#nowMs + milliseconds
    await setImmediate()
    for (let next = this.#next(endMs); next !== null; next = this.#next(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      this.#sleepers = this.#sleepers.filter((other) => other !== next)
      next.wake()
      await setImmediate()
    }
    this.#nowMs = endMs
  }

  #next(endMs: number): { readonly dueMs: number; readonly wake: () => void } | null {
    let next = null
    for (const sleeper of this.#sleepers) {
      if (sleeper.dueMs <= endMs && (next === null || sleeper.dueMs < next.dueMs)) next = sleeper
    }
    return next
  }
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted')
}
