import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ByteBudget } from '../../src/node/byte-budget.ts'
import { RateMeter } from '../../src/node/rate-meter.ts'
import { ManualClock } from '../twins/manual-clock.ts'

describe('a byte budget', () => {
  it('lets work wait until there is room, and a piece that is too large pass alone', async () => {
    const budget = new ByteBudget(10)
    const passed: number[] = []
    const acquire = async (bytes: number): Promise<void> => {
      await budget.acquire(bytes)
      passed.push(bytes)
    }
    await acquire(6)
    void acquire(5)
    void acquire(99)
    await nextTurn()
    expect(passed).toEqual([6])
    budget.release(6)
    await nextTurn()
    expect(passed).toEqual([6, 5])
    budget.release(5)
    await nextTurn()
    expect(passed).toEqual([6, 5, 99])
  })
})

describe('a rate meter', () => {
  it('tells bytes a second of the last three seconds', async () => {
    const clock = new ManualClock()
    const meter = new RateMeter(clock)
    expect(meter.perSecond).toBe(0)
    for (let i = 0; i < 20; i++) {
      meter.add(100)
      await clock.advance(100)
    }
    expect(meter.perSecond).toBe(1000)
    await clock.advance(5000)
    expect(meter.perSecond).toBe(0)
  })
})
