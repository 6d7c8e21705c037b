import type { TransferRate } from '../model/transfer-rate.ts'
import type { Clock } from '../ports/clock.ts'
import type { Throttle } from '../ports/throttle.ts'
import { FairQueue } from './fair-queue.ts'

const burstMs = 50
const burstBytesMin = 64 * 1024
/** A timer may be so late: what could have moved meanwhile may move then, while somebody waits for it. */
const latenessMsMax = 250

/**
 * One direction of the whole node: lets bytes move at a rate that can change at any time, shared fairly between peers, and
 * between the folders of a peer.
 *
 * A token bucket: leave is given while there is credit, which grows with time up to a small burst. A piece that is larger
 * than the burst goes when the bucket is full, and leaves a debt behind that delays the next one: over time the rate
 * holds for pieces of any size.
 */
export class FairLimiter {
  readonly #clock: Clock
  readonly #waiting = new FairQueue<Waiting>()
  #bytesPerSecond: TransferRate
  /** Below zero: a debt. */
  #creditBytes: number
  #countedAtMs: number
  #timer: { readonly dueMs: number; readonly stop: AbortController } | null = null

  constructor(clock: Clock, bytesPerSecond: TransferRate = null) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
    this.#creditBytes = burstBytes(bytesPerSecond)
    this.#countedAtMs = clock.monotonic()
  }

  get bytesPerSecond(): TransferRate {
    return this.#bytesPerSecond
  }

  /** Changes the rate, also for those who wait. A debt is never worth more time than before. */
  setRate(bytesPerSecond: TransferRate): void {
    const before = this.#bytesPerSecond
    if (before === bytesPerSecond) return
    this.#count()
    this.#bytesPerSecond = bytesPerSecond
    if (before === null || bytesPerSecond === null) this.#creditBytes = burstBytes(bytesPerSecond)
    else if (this.#creditBytes < 0) this.#creditBytes *= Math.min(1, bytesPerSecond / before)
    this.#stopTimer()
    this.#serve()
  }

  /** The share of one folder of one peer. */
  throttle(peer: string, folder: string): Throttle {
    const keys = [peer, folder]
    const bytesPerSecond = (): TransferRate => this.#bytesPerSecond
    return {
      get bytesPerSecond() {
        return bytesPerSecond()
      },
      take: (bytes, signal) => this.#take(keys, bytes, signal),
    }
  }

  #take(keys: readonly string[], bytes: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error)
    if (this.#bytesPerSecond === null) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const giveUp = (): void => {
      this.#waiting.remove(keys, waiting)
      reject(signal.reason as Error)
      // Another one may be next, who needs less.
      this.#serve()
    }
    const waiting: Waiting = {
      bytes,
      go: () => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      },
    }
    this.#count()
    this.#waiting.push(keys, waiting)
    signal.addEventListener('abort', giveUp, { once: true })
    this.#serve()
    return promise
  }

  /** Lets go whoever may, and sets the timer for the next one. */
  #serve(): void {
    this.#count()
    for (let next = this.#waiting.peek(); next !== null; next = this.#waiting.peek()) {
      const missingBytes = Math.min(next.bytes, burstBytes(this.#bytesPerSecond)) - this.#creditBytes
      if (this.#bytesPerSecond !== null && missingBytes > 0) {
        this.#setTimer(Math.ceil((missingBytes / this.#bytesPerSecond) * 1000))
        return
      }
      this.#waiting.shift()
      this.#creditBytes -= next.bytes
      next.go()
    }
    this.#stopTimer()
  }

  #count(): void {
    const nowMs = this.#clock.monotonic()
    const rate = this.#bytesPerSecond
    if (rate !== null) {
      const late = this.#waiting.size > 0 ? (rate * latenessMsMax) / 1000 : 0
      const grown = this.#creditBytes + (rate * (nowMs - this.#countedAtMs)) / 1000
      this.#creditBytes = Math.min(grown, burstBytes(rate) + late)
    }
    this.#countedAtMs = nowMs
  }

  /** One that rings earlier is left: whoever it wakes sets the next. */
  #setTimer(waitMs: number): void {
    const dueMs = this.#clock.monotonic() + waitMs
    if (this.#timer !== null && this.#timer.dueMs <= dueMs) return
    this.#stopTimer()
    const timer = { dueMs, stop: new AbortController() }
    this.#timer = timer
    this.#clock.sleep(waitMs, timer.stop.signal).then(
      () => {
        if (this.#timer !== timer) return
        this.#timer = null
        this.#serve()
      },
      () => undefined,
    )
  }

  #stopTimer(): void {
    this.#timer?.stop.abort()
    this.#timer = null
  }
}

interface Waiting {
  readonly bytes: number
  readonly go: () => void
}

function burstBytes(rate: TransferRate): number {
  return rate === null ? Number.POSITIVE_INFINITY : Math.max(burstBytesMin, (rate * burstMs) / 1000)
}
