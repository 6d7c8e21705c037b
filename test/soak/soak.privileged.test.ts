import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { labProblem } from '../lab/lab.ts'
import { runSoak } from './run-soak.ts'

const problem = labProblem()

/** More of it: node scripts/soak.ts. */
describe.skipIf(problem !== null)(`a short soak${problem === null ? '' : ` (skipped: ${problem})`}`, () => {
  it('loses nothing while people work, links break, processes end and a disk is full', async () => {
    const at = mkdtempSync(join(tmpdir(), 'p2psync-soak-'))
    const said: string[] = []
    const { problems, operations, faults } = await runSoak({
      seed: 1,
      nodes: 3,
      at,
      pace: { operationsPerSecond: 40, faultMs: [100, 500], calmMs: [50, 200] },
      operationsPerPeriod: 90,
      goesOn: () => false,
      restMsMax: 120_000,
      say: (line) => said.push(line),
    })
    expect(problems, [`all of it is in ${at}`, ...said].join('\n')).toEqual([])
    expect(operations).toBeGreaterThan(90)
    expect(faults).toBeGreaterThan(3)
    rmSync(at, { recursive: true, force: true })
  }, 240_000)
})
