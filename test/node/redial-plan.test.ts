import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  afterFailure,
  afterLoss,
  afterRefusal,
  dialAtOnce,
  isNews,
  refusedMsMax,
  refusedMsMin,
  retryMsMax,
  retryMsMin,
  settledMs,
  silentMs,
  type DialPlan,
} from '../../src/node/redial-plan.ts'

const fractions = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const plans = fc.record({
  failures: fc.nat({ max: 5000 }),
  refusals: fc.nat({ max: 5000 }),
  nextDialMs: fc.nat({ max: 1e9 }),
})

function times(count: number, next: (plan: DialPlan, nowMs: number, fraction: number) => DialPlan): number[] {
  const waits: number[] = []
  let plan = dialAtOnce(0)
  for (let i = 0; i < count; i++) {
    plan = next(plan, 0, 0.5)
    waits.push(plan.nextDialMs)
  }
  return waits
}

describe('the plan of redialling', () => {
  it('doubles the wait after each failure, from half a second to a minute', () => {
    expect(times(9, afterFailure)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  })

  it('waits half a minute to half an hour for who shares no folder', () => {
    const minutes = times(8, afterRefusal).map((waitMs) => waitMs / 60_000)
    expect(minutes).toEqual([0.5, 1, 2, 4, 8, 16, 30, 30])
  })

  it('never dials sooner or later than its bounds with 20 % of jitter', () => {
    fc.assert(
      fc.property(plans, fc.nat(), fractions, (plan, nowMs, fraction) => {
        const failedMs = afterFailure(plan, nowMs, fraction).nextDialMs - nowMs
        const refusedMs = afterRefusal(plan, nowMs, fraction).nextDialMs - nowMs
        expect(failedMs).toBeGreaterThanOrEqual(retryMsMin * 0.8 - 1e-3)
        expect(failedMs).toBeLessThanOrEqual(retryMsMax * 1.2 + 1e-3)
        expect(refusedMs).toBeGreaterThanOrEqual(refusedMsMin * 0.8 - 1e-3)
        expect(refusedMs).toBeLessThanOrEqual(refusedMsMax * 1.2 + 1e-3)
      }),
    )
  })

  it('dials at once after a good connection was lost, and waits longer each time for one that breaks at once', () => {
    const tried = afterFailure(afterFailure(dialAtOnce(0), 0, 0.5), 0, 0.5)
    expect(afterLoss(tried, 100, settledMs, 0.5)).toEqual(dialAtOnce(100))
    expect(afterLoss(tried, 100, settledMs - 1, 0.5)).toMatchObject({ failures: 3, nextDialMs: 2100 })
  })

  it('takes for news a first sighting, another address, and a return after silence, but no repetition', () => {
    const before = { addresses: ['a', 'b'], seenMs: 1000 }
    expect(isNews(undefined, before)).toBe(true)
    expect(isNews(before, { addresses: ['b'], seenMs: 2000 })).toBe(false)
    expect(isNews(before, { addresses: ['a', 'c'], seenMs: 2000 })).toBe(true)
    expect(isNews(before, { addresses: ['a', 'b'], seenMs: 1001 + silentMs })).toBe(true)
  })
})
