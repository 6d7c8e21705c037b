import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseLane, heavyJobsMax, type LaneJob } from '../../src/transfer/choose-lane.ts'
import type { Lane, TransferPlace } from '../../src/transfer/transfer-order.ts'

const lanes = ['small', 'medium', 'large'] as const
const group = fc.integer({ min: 1, max: 3 })
const anyHeads = fc.dictionary(fc.constantFrom(...lanes), group, { noNullPrototype: true })
const anyJobs = fc.array(fc.record({ lane: fc.constantFrom(...lanes), group }), { maxLength: 3 })

describe('the lane of the next job', () => {
  it('is one that has something', () => {
    fc.assert(
      fc.property(anyHeads, anyJobs, (heads, jobs) => {
        const lane = choose(heads, jobs)
        if (lane !== null) expect(heads).toHaveProperty(lane)
      }),
    )
  })

  it('is never none while something small waits, nor while nothing runs', () => {
    fc.assert(
      fc.property(anyHeads, anyJobs, (heads, jobs) => {
        if (heads.small !== undefined) expect(choose(heads, jobs)).not.toBeNull()
        if (Object.keys(heads).length > 0) expect(choose(heads, [])).not.toBeNull()
      }),
    )
  })

  it('leaves a job to what is small', () => {
    fc.assert(
      fc.property(anyHeads, (heads) => {
        const jobs: LaneJob[] = Array.from({ length: heavyJobsMax }, () => ({ lane: 'large', group: 1 }))
        expect([null, 'small']).toContain(choose(heads, jobs))
      }),
    )
  })

  it('is of the better group, in whatever lane, unless enough of that is under way', () => {
    fc.assert(
      fc.property(anyHeads, (heads) => {
        const lane = choose(heads, [])
        if (lane !== null) expect(heads[lane]).toBe(Math.min(...Object.values(heads)))
      }),
    )
  })

  it.each<[string, Partial<Record<Lane, number>>, readonly Lane[], Lane | null]>([
    ['small first', { small: 2, medium: 2, large: 2 }, [], 'small'],
    ['then a larger one beside it', { small: 2, medium: 2, large: 2 }, ['small'], 'medium'],
    ['a large one, if there is no medium one', { small: 2, large: 2 }, ['small'], 'large'],
    ['then small again', { small: 2, medium: 2, large: 2 }, ['small', 'medium'], 'small'],
    ['a large one beside a medium one', { medium: 2, large: 2 }, ['medium'], 'large'],
    ['two large ones, if there is nothing else', { large: 2 }, ['large'], 'large'],
    ['no third', { large: 2 }, ['large', 'large'], null],
    ['a large one that comes first, beside two others', { small: 2, large: 1 }, ['large', 'large'], 'large'],
    ['nothing that comes last before what is small', { small: 2, large: 3 }, ['small', 'small'], 'small'],
  ])('is: %s', (_, heads, running, expected) => {
    const jobs = running.map((lane) => ({ lane, group: 2 }))
    expect(choose(heads, jobs)).toBe(expected)
  })
})

function choose(heads: Partial<Record<Lane, number>>, jobs: readonly LaneJob[]): Lane | null {
  const found = lanes.flatMap((lane): [Lane, TransferPlace][] => {
    const at = heads[lane]
    return at === undefined ? [] : [[lane, { lane, group: at, batch: 0, order: 0 }]]
  })
  return chooseLane(new Map(found), jobs)
}
