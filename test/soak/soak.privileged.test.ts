import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inCi } from '../in-ci.ts'
import { labProblem } from '../lab/lab.ts'
import { runSoak } from './run-soak.ts'
import type { Pace } from './soak-world.ts'

const problem = labProblem()
/** More of it: node scripts/soak.ts. */
const soak: { readonly minutes: number; readonly pace: Pace; readonly perPeriod: number } = inCi
  ? { minutes: 5, pace: { operationsPerSecond: 4, faultMs: [3000, 25_000], calmMs: [2000, 25_000] }, perPeriod: 240 }
  : { minutes: 0, pace: { operationsPerSecond: 40, faultMs: [100, 500], calmMs: [50, 200] }, perPeriod: 90 }

describe.skipIf(problem !== null)(`a short soak${problem === null ? '' : ` (skipped: ${problem})`}`, () => {
  it('loses nothing while people work, links break, processes end and a disk is full', async () => {
    const at = mkdtempSync(join(tmpdir(), 'p2psync-soak-'))
    const said: string[] = []
    const endsAtMs = performance.now() + soak.minutes * 60_000
    const { problems, operations, faults } = await runSoak({
      seed: 1,
      nodes: 3,
      at,
      pace: soak.pace,
      operationsPerPeriod: soak.perPeriod,
      goesOn: () => performance.now() < endsAtMs,
      restMsMax: 120_000,
      say: (line) => said.push(line),
    })
    expect(problems, [`all of it is in ${at}`, ...said].join('\n')).toEqual([])
    expect(operations).toBeGreaterThanOrEqual(soak.perPeriod)
    expect(faults).toBeGreaterThan(3)
    rmSync(at, { recursive: true, force: true })
  }, 900_000)
})
