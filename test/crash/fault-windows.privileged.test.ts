import { appendFileSync, renameSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { readTree, type Tree } from '../e2e/folder-tree.ts'
import type { NodeProcess } from '../e2e/node-process.ts'
import { settle, World } from '../e2e/world.ts'
import { noise, write } from '../e2e/write-files.ts'
import { KnownVersions } from './known-versions.ts'
import { Trace, tracingProblem, type Fault } from './system-calls.ts'

// Too slow for `npm test`.
const asked = process.env['CRASH_FAULTS'] === undefined ? 'run by node scripts/crash.ts faults' : null
const problem = asked ?? tracingProblem()
const why = problem === null ? '' : ` (skipped: ${problem})`
const reportFile = process.env['CRASH_REPORT']

const always = '1+'
const forAWhile = '4..30'
const everyThird = '2+3'
// Long enough for what failed to be tried again.
const lastsMs = 4000

const looks: readonly (readonly [string, string])[] = [
  ['openat', 'EIO'],
  ['openat', 'EMFILE'],
  ['statx,newfstatat,fstat', 'EIO'],
  ['statx,newfstatat,fstat', 'EMFILE'],
  ['getdents64', 'EIO'],
  ['pread64', 'EIO'],
]
const writes: readonly (readonly [string, string])[] = [
  ['openat', 'ENOSPC'],
  ['pwrite64', 'EIO'],
  ['pwrite64', 'ENOSPC'],
  ['fsync', 'EIO'],
  ['rename', 'EIO'],
  ['link', 'EIO'],
  ['mkdir', 'ENOSPC'],
  ['unlink', 'EROFS'],
  ['utimensat,fchmod', 'EIO'],
]
const faults: readonly Fault[] = [
  ...[...looks, ...writes].flatMap(([calls, code]) =>
    [always, forAWhile, everyThird].map((when) => ({ threads: 'files', calls, code, when }) as const),
  ),
  // Not their `write`: these threads wake the main one by it, and libuv ends a process in which that fails.
  ...['EIO', 'ENOSPC'].map((code) => ({ threads: 'libuv-worker', calls: 'fdatasync', code, when: '1..3' }) as const),
]

describe.skipIf(problem !== null)(`a node of which calls fail${why}`, { timeout: 330_000 }, () => {
  it.each(faults)(
    'takes nothing for deleted, tears nothing and goes on: $threads $calls $code $when',
    async (fault) => {
      await using world = await World.of(['A', 'B'])
      const [a, b] = world.nodes as [NodeProcess, NodeProcess]
      for (let i = 0; i < 30; i++) write(a.folder, `kept/${i}`, noise(3000, i))
      for (let i = 0; i < 3; i++) write(a.folder, `moves/${i}`, noise(2000, 100 + i))
      write(a.folder, 'file', noise(300_000, 200))
      await world.start()
      const before = await settle([a, b])
      const trace = await Trace.failSome(b.pid, fault)
      let wanted: ReadonlyMap<string, string>
      try {
        write(a.folder, 'file', noise(310_000, 201))
        write(a.folder, 'fresh/new', noise(5000, 202))
        rmSync(join(a.folder, 'kept/0'))
        renameSync(join(a.folder, 'moves'), join(a.folder, 'moved'))
        const versions = new KnownVersions(b.folder, [before, readTree(a.folder)], { leavesGap: false })
        for (let i = 1; i < 30; i += 3) utimesSync(join(b.folder, `kept/${i}`), i, i)
        write(b.folder, 'kept/below/new', 'new')
        wanted = new Map([
          ...textsOf(readTree(a.folder)),
          ['kept/below', 'folder'],
          ...textsBelow(b.folder, 'kept/below'),
        ])
        const until = performance.now() + lastsMs
        while (performance.now() < until) {
          expect(versions.problems()).toEqual([])
          for (const path of before.keys()) if (!readTree(a.folder).has(path)) expect(path).toMatch(/^(kept\/0$|moves)/)
          await sleep(100)
        }
      } finally {
        await trace.stop()
      }
      const restarted = await goOn(a, b, { wanted, fault })
      expect(textsOf(readTree(b.folder))).toEqual(wanted)
      const name = `${fault.threads} ${fault.calls} ${fault.code} ${fault.when}`
      const line = { name, crashed: 1, missed: trace.hits > 0 ? 0 : 1, hits: trace.hits, restarted, failures: [] }
      if (reportFile !== undefined) appendFileSync(reportFile, `${JSON.stringify(line)}\n`)
    },
  )
})

/**
 * By itself, at the latest when a session that failed again and again is begun anew; or after a start, where the second
 * name of a file that is in place could not be taken away. True for the latter.
 */
async function goOn(
  a: NodeProcess,
  b: NodeProcess,
  { wanted, fault }: { readonly wanted: ReadonlyMap<string, string>; readonly fault: Fault },
): Promise<boolean> {
  const isThere = (): boolean => [...wanted].every(([path, text]) => readTree(b.folder).get(path)?.text === text)
  try {
    await b.until(isThere, 'all to arrive', 150_000)
    await settle([a, b], { timeoutMs: 60_000 })
    return false
  } catch (error) {
    if (fault.calls !== 'unlink') throw error
    await b.stop()
    await b.start()
    await settle([a, b], { timeoutMs: 60_000 })
    return true
  }
}

function textsOf(tree: Tree): Map<string, string> {
  return new Map(Array.from(tree, ([path, { text }]) => [path, text]))
}

function textsBelow(root: string, folder: string): readonly (readonly [string, string])[] {
  return [...textsOf(readTree(root))].filter(([path]) => path.startsWith(`${folder}/`))
}
