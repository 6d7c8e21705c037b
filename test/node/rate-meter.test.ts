import { describe, expect, it } from 'vitest'
import { RateMeter } from '../../src/node/rate-meter.ts'
import { ManualClock } from '../twins/manual-clock.ts'

describe('the rate of what is received', () => {
  it('is that of the last three seconds', async () => {
    const clock = new ManualClock()
    const meter = new RateMeter(clock)
    expect([meter.perSecond, meter.isSteady]).toEqual([0, false])
    for (let i = 0; i < 20; i++) {
      meter.add(1000)
      await clock.advance(500)
    }
    expect(meter.perSecond).toBe(2000)
    await clock.advance(4000)
    expect([meter.perSecond, meter.isSteady]).toEqual([0, false])
  })

  it('says how long the rest takes only when there was time to measure it', async () => {
    const clock = new ManualClock()
    const meter = new RateMeter(clock)
    const steady: boolean[] = []
    for (let i = 0; i < 6; i++) {
      meter.add(1000)
      steady.push(meter.isSteady)
      await clock.advance(500)
    }
    expect(steady).toEqual([false, false, false, false, true, true])
  })
})
