import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { FolderStatus } from '../../src/node/node-api.ts'
import { readTree } from '../e2e/folder-tree.ts'
import { freshPort, NodeProcess, runCli } from '../e2e/node-process.ts'
import { Scratch } from '../e2e/scratch.ts'
import { settle } from '../e2e/world.ts'
import { noise, write } from '../e2e/write-files.ts'
import { MemoryMount, mountProblem } from './disk-mount.ts'
import { KnownVersions } from './known-versions.ts'
import { Trace, tracingProblem } from './system-calls.ts'

// Too slow for `npm test`.
const asked = process.env['CRASH_FAULTS'] === undefined ? 'run by node scripts/crash.ts faults' : null
const problem = asked ?? mountProblem() ?? tracingProblem()
const mebibyte = 1024 * 1024

/** A pair in sync that both hold `kept/0` to `kept/4` and `file`; the receiver's folder or home lies on `disk`. */
async function withPair(
  disk: { readonly folder?: MemoryMount; readonly home?: MemoryMount },
  test: (a: NodeProcess, b: NodeProcess) => Promise<void>,
): Promise<void> {
  using scratch = new Scratch()
  const key = (await runCli(['key', 'new'])).stdout.trim()
  const [portA, portB] = [freshPort(), freshPort()]
  const a = new NodeProcess({ scratch, name: 'A', key, port: portA, dials: [portB] })
  const homeOf = { path: scratch.path, at: (...names: string[]) => (disk.home ?? scratch).at(...names) }
  const b = new NodeProcess({
    scratch: { ...homeOf, [Symbol.dispose]: () => undefined },
    name: 'B',
    key,
    port: portB,
    dials: [portA],
    runtimeFolder: scratch.at('runtime-B'),
    folder: disk.folder?.at('B') ?? scratch.at('B'),
  })
  for (let i = 0; i < 5; i++) write(a.folder, `kept/${i}`, noise(10_000, i))
  write(a.folder, 'file', noise(mebibyte, 10))
  try {
    await Promise.all([a.start(), b.start()])
    await settle([a, b])
    await test(a, b)
  } finally {
    await Promise.all([a.stop('SIGKILL'), b.stop('SIGKILL')])
  }
}

/** Makes the change while the fault is there, waits until the receiver tells of it, ends it, and waits for both. */
async function through(
  pair: readonly [NodeProcess, NodeProcess],
  steps: { readonly change: () => void; readonly says: RegExp; readonly end: () => Promise<void> | void },
): Promise<void> {
  const [a, b] = pair
  const before = readTree(b.folder)
  steps.change()
  const wanted = readTree(a.folder)
  const versions = new KnownVersions(b.folder, [before, wanted], { leavesGap: false })
  let last: FolderStatus | null = null
  try {
    await b.until(async () => {
      expect(versions.problems()).toEqual([])
      last = await b.status()
      return last !== null && steps.says.test(JSON.stringify([last.reason, last.notice, last.problems]))
    }, 'the trouble to be told')
  } catch (error) {
    throw new Error(`${(error as Error).message}\nlast: ${JSON.stringify(last)}`, { cause: error })
  } finally {
    await steps.end()
  }
  await settle([a, b], { expected: wanted, timeoutMs: 120_000 })
}

const why = problem === null ? '' : ` (skipped: ${problem})`
describe.skipIf(problem !== null)(`a node whose disk is in trouble${why}`, { timeout: 240_000 }, () => {
  it('waits for space in the folder and goes on by itself', async () => {
    using disk = new MemoryMount('size=8m')
    await withPair({ folder: disk }, async (a, b) => {
      await through([a, b], {
        change: () => {
          write(a.folder, 'file', noise(2 * mebibyte, 20))
          write(a.folder, 'too large', noise(12 * mebibyte, 21))
        },
        says: /full/,
        end: () => disk.remount('size=64m'),
      })
    })
  })

  it('waits for inodes in the folder and goes on by itself', async () => {
    using disk = new MemoryMount('size=64m,nr_inodes=60')
    await withPair({ folder: disk }, async (a, b) => {
      await through([a, b], {
        change: () => {
          for (let i = 0; i < 100; i++) write(a.folder, `many/${i}`, noise(1000, i))
          write(a.folder, 'file', noise(mebibyte, 22))
        },
        says: /full/,
        end: () => disk.remount('size=64m,nr_inodes=2000'),
      })
    })
  })

  it.each([
    ['fsync', 'EIO'],
    ['pwrite64', 'EIO'],
    ['rename', 'EIO'],
  ])('keeps the old version while %s fails with %s, and goes on by itself', async (call, code) => {
    await withPair({}, async (a, b) => {
      const trace = await Trace.failAll(b.pid, call, code)
      await through([a, b], {
        change: () => write(a.folder, 'file', noise(mebibyte, 24)),
        says: new RegExp(`${code}|disk fails|I/O error|too many`, 'i'),
        end: () => trace.stop(),
      })
    })
  })

  it.each([
    ['getdents64', 'EIO'],
    ['pread64', 'EIO'],
  ])('reads nothing as deleted while %s fails with %s', async (call, code) => {
    await withPair({}, async (a, b) => {
      const before = readTree(a.folder)
      const trace = await Trace.failAll(b.pid, call, code)
      try {
        // Both make it look: at a folder, and at a file.
        for (const name of readdirSync(join(b.folder, 'kept'))) execFileSync('touch', [join(b.folder, 'kept', name)])
        write(b.folder, 'kept/below/new', 'new')
        await trace.hit()
      } finally {
        await trace.stop()
      }
      await b.until(() => readTree(a.folder).has('kept/below/new'), 'the new file to arrive', 60_000)
      const tree = await settle([a, b], { timeoutMs: 60_000 })
      for (const [path, { text }] of before) expect([path, tree.get(path)?.text]).toEqual([path, text])
      expect(tree.size).toBe(before.size + 2)
    })
  })

  it('waits while there are no file handles left, and goes on by itself', async () => {
    await withPair({}, async (a, b) => {
      const open = readdirSync(`/proc/${b.pid}/fd`).length
      execFileSync('prlimit', ['--pid', String(b.pid), `--nofile=${open}:1024`])
      await through([a, b], {
        change: () => write(a.folder, 'file', noise(mebibyte, 25)),
        says: /EMFILE|too many/i,
        end: () => void execFileSync('prlimit', ['--pid', String(b.pid), '--nofile=1024:1024']),
      })
    })
  })

  it('loses nothing when the disk of its home is full, and goes on when it is started again', async () => {
    using disk = new MemoryMount('size=4m')
    await withPair({ home: disk }, async (a, b) => {
      const before = readTree(b.folder)
      const free = 4 * mebibyte
      try {
        writeFileSync(disk.at('filler'), Buffer.alloc(free))
      } catch {
        // Full, as it should be.
      }
      for (let i = 0; i < 300; i++) write(a.folder, `more/${i}`, noise(2000, i))
      write(a.folder, 'file', noise(mebibyte, 26))
      const wanted = readTree(a.folder)
      const versions = new KnownVersions(b.folder, [before, wanted], { leavesGap: false })
      await b
        .until(async () => !b.isRunning || (await tellsOfTrouble(b)), 'the trouble to be told')
        .catch(() => undefined)
      expect(versions.problems()).toEqual([])
      disk.remount('size=64m')
      if (!b.isRunning) {
        await b.stop()
        await b.start()
      }
      await settle([a, b], { expected: wanted, timeoutMs: 60_000 })
    })
  })
})

async function tellsOfTrouble(node: NodeProcess): Promise<boolean> {
  const status = await node.status()
  return status !== null && (status.reason !== '' || status.problems.length > 0)
}
