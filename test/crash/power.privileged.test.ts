import { execFileSync } from 'node:child_process'
import { appendFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { readTree } from '../e2e/folder-tree.ts'
import { freshPort, NodeProcess, runCli } from '../e2e/node-process.ts'
import { Scratch } from '../e2e/scratch.ts'
import { settle } from '../e2e/world.ts'
import { write } from '../e2e/write-files.ts'
import { inCi } from '../in-ci.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { CountedCalls, countingProblem } from './counted-calls.ts'
import { CrashRounds } from './crash-rounds.ts'
import { LoopDisk, loopProblem } from './loop-disk.ts'
import { scenarios } from './scenarios.ts'

// Too slow for `npm test`: `node scripts/crash.ts power` says how many.
const images = Number(process.env['CRASH_IMAGES'] ?? (inCi ? 20 : 0))
const problem = images === 0 ? 'runs in CI; here: npm run crash -- power' : (loopProblem() ?? countingProblem())
const why = problem === null ? '' : ` (skipped: ${problem})`

const seed = Number(process.env['CRASH_SEED'] ?? 1)
const reportFile = process.env['CRASH_REPORT']
const reportEvery = 25
const diskMiB = 128
// An apply takes about as long as this: a cut later finds the disk at rest.
const applyMs = 150
// A sync of a disk in memory, with what it waits for.
const syncUs = 2000
const callsAtFirst = 30

describe.skipIf(problem !== null)(`a node whose disk loses its power during an apply${why}`, () => {
  it('has whole versions on it, all that was said to be in sync, and goes on', { timeout: 36_000_000 }, async () => {
    const random = new SeededRandom(seed)
    using scratch = new Scratch()
    using disk = new LoopDisk(diskMiB)
    using counted = new CountedCalls(scratch.path, [disk.path], disk.path)
    const { a, b } = await pairOn(disk, scratch, { prefix: counted.prefix, home: disk })
    const rounds = new CrashRounds(a, b)
    const callsOf = new Map<string, number>()
    try {
      await Promise.all([a.start(), b.start()])
      await settle([a, b])
      for (const node of [a, b]) await node.cli('guard', node.folder, '--off')
      // What somebody edits on this disk in the very moment of a cut is not ours to keep.
      const kinds = scenarios.filter(({ conflicts, atStart }) => conflicts !== true && atStart !== true)
      for (let image = 0; image < images; image++) {
        const scenario = kinds[Math.floor(random.fraction() * kinds.length)]!
        const [moment, length] = [random.fraction(), random.fraction()]
        emptyHistory(b.folder)
        if (image % 2 === 0) {
          const waitMs = moment * applyMs
          await rounds.run(scenario, `image ${image} of seed ${seed}, after ${waitMs.toFixed()} ms`, async (make) => {
            make()
            await sleep(waitMs)
            await disk.cutPower(b.pid, () => b.stop('SIGKILL'))
            return true
          })
        } else {
          const cutAt = 1 + Math.floor(moment * (callsOf.get(scenario.name) ?? callsAtFirst))
          const afterUs = Math.floor(length * syncUs)
          const name = `image ${image} of seed ${seed}, ${afterUs} us into call ${cutAt}`
          await rounds.run(scenario, name, async (make) => {
            counted.armCut(cutAt, afterUs)
            make()
            // Of a disk that is cut off nothing can be read.
            await rounds.untilDeadOrSettled(() => []).catch(() => undefined)
            counted.disarm()
            callsOf.set(scenario.name, Math.max(counted.count, callsOf.get(scenario.name) ?? 0))
            if (counted.count < cutAt) return false
            for (let turn = 0; turn < 500 && b.isRunning; turn++) await sleep(10)
            await b.stop('SIGKILL')
            disk.mountAgain()
            return true
          })
        }
        if (image % reportEvery === 0) note({ progress: 'power', done: image, of: images })
      }
    } finally {
      await Promise.all([a.stop('SIGKILL'), b.stop('SIGKILL')])
    }
    note({ name: 'power', seed, ...rounds.report })
    expect(rounds.report.failures).toEqual([])
  })

  it('gets a file back from its peer whose name the disk had not written, and publishes no deletion', async () => {
    using scratch = new Scratch()
    using disk = new LoopDisk(diskMiB)
    const bootFile = scratch.at('boot-id')
    const bind = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"'
    // Its index is on another disk, which has written all.
    const { a, b } = await pairOn(disk, scratch, {
      prefix: ['unshare', '-m', 'sh', '-c', bind, bootFile],
      home: scratch,
    })
    try {
      for (let i = 0; i < 20; i++) write(b.folder, `old/${i}`, `old ${i}`)
      writeFileSync(bootFile, 'the boot before\n')
      await Promise.all([a.start(), b.start()])
      await settle([a, b])
      execFileSync('sync', ['--file-system', disk.path])
      for (let i = 0; i < 5; i++) write(b.folder, `new/${i}`, `new ${i}`)
      const wanted = readTree(b.folder)
      await a.until(() => readTree(a.folder).size === wanted.size, 'what is new to arrive')
      await disk.cutPower(b.pid, () => b.stop('SIGKILL'))
      expect(readTree(b.folder).has('new/0')).toBe(false)
      writeFileSync(bootFile, 'the boot after\n')
      await b.start()
      await settle([a, b], { expected: wanted })
      expect(readdirSync(join(a.folder, '.p2psync', 'history'))).toEqual([])
    } finally {
      await Promise.all([a.stop('SIGKILL'), b.stop('SIGKILL')])
    }
  })
})

/** A sender, and a receiver whose folder is on the disk; its home is below `home`. */
async function pairOn(
  disk: LoopDisk,
  scratch: Scratch,
  options: { readonly prefix: readonly string[]; readonly home: Pick<Scratch, 'path'> },
): Promise<{ a: NodeProcess; b: NodeProcess }> {
  const key = (await runCli(['key', 'new'])).stdout.trim()
  const [portA, portB] = [freshPort(), freshPort()]
  const place = options.home.path
  const home = { path: place, at: (...names: string[]) => join(place, ...names), [Symbol.dispose]: () => {} }
  const a = new NodeProcess({ scratch, name: 'A', key, port: portA, dials: [portB] })
  const b = new NodeProcess({
    scratch: home,
    name: 'B',
    key,
    port: portB,
    dials: [portA],
    prefix: options.prefix,
    runtimeFolder: scratch.at('runtime-B'),
    folder: join(disk.path, 'B'),
  })
  return { a, b }
}

/** Else it would fill the disk. */
function emptyHistory(folder: string): void {
  rmSync(join(folder, '.p2psync', 'history'), { recursive: true, force: true })
}

function note(line: object): void {
  if (reportFile !== undefined) appendFileSync(reportFile, `${JSON.stringify(line)}\n`)
}
