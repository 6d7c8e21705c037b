import { describe, expect, it } from 'vitest'
import { FairLimiter } from '../../src/transfer/fair-limiter.ts'
import { SimulatedClock } from '../twins/simulated-clock.ts'

const KiB = 1024
const MiB = 1024 * KiB
const never = new AbortController().signal

/** One who takes pieces one after the other, as long as the signal is not aborted, and what it was given. */
class Taker {
  bytes = 0
  pieces = 0
  readonly #stop = new AbortController()

  constructor(limiter: FairLimiter, keys: readonly [peer: string, folder: string], pieceBytes: number) {
    const throttle = limiter.throttle(...keys)
    const run = async (): Promise<void> => {
      for (;;) {
        await throttle.take(pieceBytes, this.#stop.signal)
        this.bytes += pieceBytes
        this.pieces++
      }
    }
    run().catch(() => undefined)
  }

  stop(): void {
    this.#stop.abort()
  }
}

describe('the rate', () => {
  it.each([
    [4 * KiB, 300 * KiB],
    [64 * KiB, MiB],
    [MiB, 10 * MiB],
    [4 * MiB, 3 * MiB],
    [1000, 123_456],
  ])('is kept within 2 % by pieces of %i bytes at %i bytes a second', async (pieceBytes, rate) => {
    const clock = new SimulatedClock()
    const limiter = new FairLimiter(clock.view(), rate)
    const takers = [1, 2, 3].map((n) => new Taker(limiter, [`peer ${n}`, 'folder'], pieceBytes))
    await clock.pass(10_000)
    const before = takers.reduce((sum, taker) => sum + taker.bytes, 0)
    // One burst and one piece at most come on top of the rate.
    expect(before).toBeLessThanOrEqual(10 * rate + Math.max(64 * KiB, rate / 20) + pieceBytes)
    await clock.pass(90_000)
    for (const taker of takers) taker.stop()
    const bytes = takers.reduce((sum, taker) => sum + taker.bytes, 0) - before
    expect(Math.abs(bytes / (90 * rate) - 1)).toBeLessThan(0.02)
  })

  it('saves up no more than a small burst at rest', async () => {
    const clock = new SimulatedClock()
    const limiter = new FairLimiter(clock.view(), MiB)
    await clock.pass(3_600_000)
    const taker = new Taker(limiter, ['a', 'f'], 16 * KiB)
    await clock.pass(0)
    taker.stop()
    expect(taker.bytes).toBe(64 * KiB)
  })

  it('loses nothing by timers that come late', async () => {
    const clock = new SimulatedClock()
    const exact = clock.view()
    const late = { ...exact, sleep: (ms: number, signal?: AbortSignal) => exact.sleep(ms + 17, signal) }
    const limiter = new FairLimiter(late, 2 * MiB)
    const taker = new Taker(limiter, ['a', 'f'], 16 * KiB)
    await clock.pass(20_000)
    taker.stop()
    expect(Math.abs(taker.bytes / (40 * MiB) - 1)).toBeLessThan(0.02)
  })

  it('lets a piece that is larger than a burst go into debt, which the next one waits for', async () => {
    const clock = new SimulatedClock()
    const view = clock.view()
    const limiter = new FairLimiter(view, MiB)
    const throttle = limiter.throttle('a', 'f')
    await throttle.take(4 * MiB, never)
    expect(view.monotonic()).toBe(0)
    let done = false
    void throttle.take(KiB, never).then(() => (done = true))
    await clock.pass(3900)
    expect(done).toBe(false)
    await clock.pass(100)
    expect(done).toBe(true)
  })
})

describe('no limit', () => {
  it('lets everything go at once, without a timer', async () => {
    const clock = { ...new SimulatedClock().view(), sleep: () => Promise.reject(new Error('slept')) }
    const limiter = new FairLimiter(clock)
    const throttle = limiter.throttle('a', 'f')
    expect(throttle.bytesPerSecond).toBeNull()
    for (let i = 0; i < 100; i++) await throttle.take(4 * MiB, never)
  })

  it('lets those go who wait when it comes', async () => {
    const clock = new SimulatedClock()
    const limiter = new FairLimiter(clock.view(), KiB)
    const takes = Promise.all([1, 2, 3].map((n) => limiter.throttle('a', `${n}`).take(MiB, never)))
    limiter.setRate(null)
    await takes
    expect(clock.view().monotonic()).toBe(0)
  })
})

describe('a change while somebody waits', () => {
  it('holds from then on, faster and slower', async () => {
    const clock = new SimulatedClock()
    const limiter = new FairLimiter(clock.view(), 100 * KiB)
    const taker = new Taker(limiter, ['a', 'f'], 32 * KiB)
    const throttle = limiter.throttle('b', 'f')
    const during = async (seconds: number): Promise<number> => {
      const before = taker.bytes
      await clock.pass(seconds * 1000)
      return taker.bytes - before
    }
    await during(10)
    limiter.setRate(5 * MiB)
    expect(throttle.bytesPerSecond).toBe(5 * MiB)
    expect(Math.abs((await during(20)) / (100 * MiB) - 1)).toBeLessThan(0.02)
    limiter.setRate(50 * KiB)
    // What was saved up before is a burst at most.
    await during(10)
    expect(Math.abs((await during(60)) / (3000 * KiB) - 1)).toBeLessThan(0.02)
    taker.stop()
  })

  it('makes no debt of a fast time last', async () => {
    const clock = new SimulatedClock()
    const limiter = new FairLimiter(clock.view(), 100 * MiB)
    const throttle = limiter.throttle('a', 'f')
    await throttle.take(100 * MiB, never)
    limiter.setRate(100 * KiB)
    let done = false
    void throttle.take(KiB, never).then(() => (done = true))
    await clock.pass(1200)
    expect(done).toBe(true)
  })
})

describe('fairness', () => {
  async function shares(
    takers: (limiter: FairLimiter) => readonly Taker[],
    seconds: number,
  ): Promise<readonly number[]> {
    const clock = new SimulatedClock()
    const limiter = new FairLimiter(clock.view(), MiB)
    const all = takers(limiter)
    await clock.pass(seconds * 1000)
    for (const taker of all) taker.stop()
    return all.map((taker) => taker.bytes / (seconds * MiB))
  }

  it('gives peers the same number of bytes, however large their pieces are and however many they ask for', async () => {
    const [large, ...small] = await shares(
      (limiter) => [
        new Taker(limiter, ['a', 'f'], MiB),
        ...[1, 2, 3, 4].map(() => new Taker(limiter, ['b', 'f'], 16 * KiB)),
      ],
      120,
    )
    expect(large).toBeCloseTo(0.5, 1)
    expect(small.reduce((a, b) => a + b, 0)).toBeCloseTo(0.5, 1)
  })

  it('gives the folders of a peer the same, and a peer with more folders no more', async () => {
    const [first, second, other] = await shares(
      (limiter) => [
        new Taker(limiter, ['a', 'f'], 64 * KiB),
        new Taker(limiter, ['a', 'g'], 64 * KiB),
        new Taker(limiter, ['b', 'f'], 64 * KiB),
      ],
      60,
    )
    expect(first).toBeCloseTo(0.25, 1)
    expect(second).toBeCloseTo(0.25, 1)
    expect(other).toBeCloseTo(0.5, 1)
  })

  it('lets nobody save up by resting', async () => {
    const clock = new SimulatedClock()
    const limiter = new FairLimiter(clock.view(), MiB)
    const busy = new Taker(limiter, ['a', 'f'], 64 * KiB)
    await clock.pass(60_000)
    const before = busy.bytes
    const fresh = new Taker(limiter, ['b', 'f'], 64 * KiB)
    await clock.pass(10_000)
    expect((busy.bytes - before) / (10 * MiB)).toBeCloseTo(0.5, 1)
    expect(fresh.bytes / (10 * MiB)).toBeCloseTo(0.5, 1)
    busy.stop()
    fresh.stop()
  })

  it('keeps the order of one folder of one peer', async () => {
    const clock = new SimulatedClock()
    const limiter = new FairLimiter(clock.view(), MiB)
    const throttle = limiter.throttle('a', 'f')
    const order: number[] = []
    for (const [i, bytes] of [MiB, 10, 500 * KiB, 1].entries())
      void throttle.take(bytes, never).then(() => order.push(i))
    await clock.pass(10_000)
    expect(order).toEqual([0, 1, 2, 3])
  })
})

describe('one who gives up', () => {
  it('is told the reason, counts for nothing, and lets the next one go', async () => {
    const clock = new SimulatedClock()
    const limiter = new FairLimiter(clock.view(), MiB)
    const throttle = limiter.throttle('a', 'f')
    await throttle.take(64 * KiB, never)
    const gone = new AbortController()
    const given = throttle.take(4 * MiB, gone.signal)
    let done = false
    void throttle.take(KiB, never).then(() => (done = true))
    gone.abort(new Error('gone'))
    await expect(given).rejects.toThrow('gone')
    await clock.pass(1)
    expect(done).toBe(true)
    await expect(throttle.take(1, gone.signal)).rejects.toThrow('gone')
  })
})
