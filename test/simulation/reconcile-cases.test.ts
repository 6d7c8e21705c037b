import { describe, expect, it } from 'vitest'
import { fetchProblem } from './fetch-cases.ts'
import { planProblem } from './plan-cases.ts'
import { reconcileProblem } from './reconcile-cases.ts'

/** `npm run simulate -- --cases 200000` for more. */
function problemsOf(problemOf: (seed: number) => string | null, cases: number): string[] {
  const problems: string[] = []
  for (let seed = 0; seed < cases; seed++) {
    const problem = problemOf(seed)
    if (problem !== null) problems.push(`${seed}: ${problem}`)
  }
  return problems
}

describe('deciding between random records', () => {
  it('is a total order, symmetric and idempotent, and loses nothing', () => {
    expect(problemsOf(reconcileProblem, 4000)).toEqual([])
  })
})

describe('the plan that makes one random tree another', () => {
  it('has its steps in an order in which each finds what it needs, and loses nothing', () => {
    expect(problemsOf(planProblem, 2000)).toEqual([])
  })
})

describe('the plan to have all blocks of a random file', () => {
  it('fills each place once, from where its block is, and throws away nothing that had to be fetched', () => {
    expect(problemsOf(fetchProblem, 2000)).toEqual([])
  })
})
