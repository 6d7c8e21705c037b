import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { freshPort, NodeProcess, runCli } from '../e2e/node-process.ts'
import { Scratch } from '../e2e/scratch.ts'
import { settle } from '../e2e/world.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { CrashRounds } from './crash-rounds.ts'
import { LoopDisk, loopProblem } from './loop-disk.ts'
import { scenarios } from './scenarios.ts'

// Too slow for `npm test`: `node scripts/crash.ts power` says how many.
const images = Number(process.env['CRASH_IMAGES'] ?? 0)
const problem = images === 0 ? 'run by node scripts/crash.ts power' : loopProblem()
const why = problem === null ? '' : ` (skipped: ${problem})`

const seed = Number(process.env['CRASH_SEED'] ?? 1)
const reportFile = process.env['CRASH_REPORT']
// An apply takes about as long as this: a cut later finds the disk at rest.
const applyMs = 150

describe.skipIf(problem !== null)(`a node whose disk loses its power during an apply${why}`, () => {
  it('has whole versions on it, all that was said to be in sync, and goes on', { timeout: 7_200_000 }, async () => {
    const random = new SeededRandom(seed)
    using scratch = new Scratch()
    using disk = new LoopDisk(256)
    const key = (await runCli(['key', 'new'])).stdout.trim()
    const [portA, portB] = [freshPort(), freshPort()]
    const a = new NodeProcess({ scratch, name: 'A', key, port: portA, dials: [portB] })
    const onDisk = {
      path: disk.path,
      at: (...names: string[]) => join(disk.path, ...names),
      [Symbol.dispose]: () => {},
    }
    const runtimeFolder = scratch.at('runtime-B')
    const b = new NodeProcess({ scratch: onDisk, name: 'B', key, port: portB, dials: [portA], runtimeFolder })
    const rounds = new CrashRounds(a, b)
    try {
      await Promise.all([a.start(), b.start()])
      await settle([a, b])
      for (const node of [a, b]) await node.cli('guard', node.folder, '--off')
      // What somebody edits on this disk in the very moment of a cut is not ours to keep.
      const kinds = scenarios.filter(({ conflicts }) => conflicts !== true)
      for (let image = 0; image < images; image++) {
        const scenario = kinds[Math.floor(random.fraction() * kinds.length)]!
        const waitMs = random.fraction() * applyMs
        await rounds.run(scenario, `image ${image} of seed ${seed}, after ${waitMs.toFixed()} ms`, async (make) => {
          make()
          await sleep(waitMs)
          await disk.cutPower(b.pid, () => b.stop('SIGKILL'))
          return true
        })
      }
    } finally {
      await Promise.all([a.stop('SIGKILL'), b.stop('SIGKILL')])
    }
    if (reportFile !== undefined)
      appendFileSync(reportFile, `${JSON.stringify({ name: 'power', seed, ...rounds.report })}\n`)
    expect(rounds.report.failures).toEqual([])
  })
})
