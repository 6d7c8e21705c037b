import { describe, expect, it } from 'vitest'
import type { NodeProcess } from '../e2e/node-process.ts'
import { settle, World } from '../e2e/world.ts'
import { CrashRounds } from './crash-rounds.ts'
import { scenarios } from './scenarios.ts'
import { databaseThreads, killPoints, Trace, tracingProblem, type KillPoint } from './system-calls.ts'

const problem = tracingProblem()
const why = problem === null ? '' : ` (skipped: ${problem})`

// One scenario and a few points; `node scripts/crash.ts kills` takes each call of all.
const scenario = scenarios.find(({ name }) => name === 'replaced file')!
const pointsMax = 2

describe.skipIf(problem !== null)(`a node that is killed at a system call of an apply${why}`, () => {
  it('loses and tears nothing, and goes on', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    await world.start()
    await settle([a, b])
    const rounds = new CrashRounds(a, b)

    let points: readonly KillPoint[] = []
    await rounds.run(scenario, 'no kill', async (make) => {
      const log = `${b.home}.calls`
      const trace = await Trace.record(b.pid, log)
      const versions = make()
      await rounds.untilDeadOrSettled(() => versions.problems())
      await trace.stop()
      points = killPoints(log, databaseThreads(b.pid))
      return null
    })
    for (const point of spread(points, pointsMax)) {
      await rounds.run(scenario, `${point.group} ${point.call} ${point.number}`, async (make) => {
        const trace = await Trace.killAt(b.pid, point)
        const versions = make()
        try {
          await rounds.untilDeadOrSettled(() => versions.problems())
        } finally {
          await trace.stop()
        }
        return !b.isRunning
      })
    }

    const { report } = rounds
    expect(report.failures).toEqual([])
    expect(report.crashed).toBeGreaterThan(0)
  })
})

/** All of them; or `most`, from the first to the last of those calls that every apply makes as often. */
function spread(points: readonly KillPoint[], most: number): readonly KillPoint[] {
  if (points.length <= most) return points
  const steady = points.filter(({ call }) => !['openat', 'close', 'ioctl'].includes(call))
  return Array.from({ length: most }, (_, i) => steady[Math.floor(((i + 0.5) * steady.length) / most)]!)
}
