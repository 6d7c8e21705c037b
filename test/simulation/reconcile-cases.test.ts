import { describe, expect, it } from 'vitest'
import { reconcileProblem } from './reconcile-cases.ts'

describe('deciding between random records', () => {
  /** `npm run simulate -- --cases 200000` for more. */
  it('is a total order, symmetric and idempotent, and loses nothing', () => {
    const problems: string[] = []
    for (let seed = 0; seed < 4000; seed++) {
      const problem = reconcileProblem(seed)
      if (problem !== null) problems.push(`${seed}: ${problem}`)
    }
    expect(problems).toEqual([])
  })
})
