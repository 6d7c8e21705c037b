/**
 * What looking at a folder costs, with `find` and rsync beside it; see `--help`. Workers, index and comparison are those of a
 * node; medians in milliseconds. "cpu" is that of all threads of this process.
 *
 *   node bench/scan.ts [--dir /dev/shm] [--files 100000] [--folders 1000] [--runs 5]
 */
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { FolderIndex } from '../src/file-index/folder-index.ts'
import { openLevelStore } from '../src/file-index/level-store.ts'
import { noOrder } from '../src/model/folder-order.ts'
import { DirtyPaths } from '../src/node/dirty-paths.ts'
import { FolderGuard } from '../src/node/folder-guard.ts'
import { FolderProblems } from '../src/node/folder-problems.ts'
import { hashAhead } from '../src/node/hash-ahead.ts'
import { KnownDamage } from '../src/node/known-damage.ts'
import { LocalChanges } from '../src/node/local-changes.ts'
import { LocalDrafts } from '../src/node/local-drafts.ts'
import { Needs } from '../src/node/needs.ts'
import { Settling } from '../src/node/settling.ts'
import { UnflushedNames } from '../src/node/unflushed-names.ts'
import { SerialQueue } from '../src/node/serial-queue.ts'
import { systemClock as clock } from '../src/node/system-clock.ts'
import { systemRandom as random } from '../src/node/system-random.ts'
import type { ScanEntry } from '../src/ports/file-tasks.ts'
import { FileWorkerPool } from '../src/workers/file-worker-pool.ts'
import { WorkerFileTasks } from '../src/workers/worker-file-tasks.ts'

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: tmpdir() },
    files: { type: 'string', default: '100000' },
    folders: { type: 'string', default: '1000' },
    runs: { type: 'string', default: '5' },
  },
})
const runs = Array.from({ length: Number(values.runs) }, (_, i) => i)
const scratch = fs.mkdtempSync(join(values.dir, 'p2psync-bench-scan-'))
const root = join(scratch, 'folder')
const pool = new FileWorkerPool()
const { signal } = new AbortController()
const nothingKnown = { getMany: () => Promise.resolve([]), blockList: () => Promise.resolve(null) }
const drafts = {
  local: new LocalDrafts({ index: nothingKnown, random, onChange: () => undefined }),
}
try {
  makeTree(Number(values.files), Number(values.folders))
  await pool.start()
  const tasks = new WorkerFileTasks({ pool, root })
  await tasks.prepareRoot({ folder: 'f'.repeat(64), nonce: '0'.repeat(32) })
  console.log(`${values.files} files of 4 KiB in ${values.folders} folders below ${values.dir}, ${runs.length} runs`)
  await compareLooks(tasks)
  await measureHashing(tasks)
  await measureIndexing(tasks)
  await tasks.close()
} finally {
  await pool.stop()
  fs.rmSync(scratch, { recursive: true })
}

/** The same look by others, and by our worker alone. */
async function compareLooks(tasks: WorkerFileTasks): Promise<void> {
  const output = fs.openSync('/dev/null', 'w')
  const command =
    (program: string, ...args: string[]) =>
    () => {
      const { status } = spawnSync(program, args, { stdio: ['ignore', output, 'inherit'] })
      if (status !== 0) throw new Error(`${program} failed`)
    }
  const find = command('find', root, '-printf', '%p %s %T@ %i\\n')
  const rsync = command('rsync', '-an', `${root}/`, join(scratch, 'nothing'))
  const rows: Record<'find' | 'rsync' | 'walk', Cost[]> = { find: [], rsync: [], walk: [] }
  for (const _ of runs) {
    rows.find.push(await cost(find))
    rows.rsync.push(await cost(rsync))
    rows.walk.push(await cost(() => drain(tasks.scan(''))))
  }
  fs.closeSync(output)
  report('find -printf', rows.find)
  report('rsync -an', rows.rsync)
  report('walk, to the main thread', rows.walk)
}

/** All that a first scan does but for the index. */
async function measureHashing(tasks: WorkerFileTasks): Promise<void> {
  const costs: Cost[] = []
  for (const _ of runs)
    costs.push(
      await cost(() => drain(hashAhead(entriesOf(tasks), { index: nothingKnown, tasks, clock, signal, drafts }))),
    )
  report('walk and hash all', costs)
}

/** A first scan into a new index, then scans that find nothing new. */
async function measureIndexing(tasks: WorkerFileTasks): Promise<void> {
  const firsts: Cost[] = []
  const again: Cost[] = []
  for (const run of runs) {
    const store = await openLevelStore(join(scratch, `index-${run}`))
    const index = await FolderIndex.open(store, { deviceTag: random.bytes(8), random })
    const changes = localChanges(index, tasks)
    firsts.push(await cost(() => scanned(changes)))
    // The first may still find files whose times were too new to be relied on.
    await scanned(changes)
    for (const _ of runs) again.push(await cost(() => scanned(changes)))
    await index.close()
  }
  report('first scan: walk, hash, index', firsts)
  report('scan again, nothing changed', again)
}

async function scanned(changes: LocalChanges): Promise<void> {
  if (!(await changes.scanAll())) throw new Error('the scan did not come to its end')
}

const needs = new Needs({ clock, order: noOrder })

function localChanges(index: FolderIndex, tasks: WorkerFileTasks): LocalChanges {
  return new LocalChanges({
    index,
    tasks,
    clock,
    drafts,
    commits: new SerialQueue(),
    dirty: new DirtyPaths({ clock, signal }),
    problems: new FolderProblems(),
    looks: { onHashed: () => undefined },
    settling: new Settling(clock),
    unflushed: new UnflushedNames({ tasks }),
    damage: new KnownDamage({ logger: { warn: console.warn } }),
    mayHaveLostPower: () => false,
    guard: new FolderGuard({ clock, filesNow: () => index.summary.files, onChange: () => undefined }),
    deviceName: 'bench',
    signal,
    needs: () => needs,
    isFolderThere: async () => (await tasks.readMarker()) !== null,
    onCommit: () => undefined,
  })
}

async function* entriesOf(tasks: WorkerFileTasks): AsyncGenerator<readonly ScanEntry[]> {
  for await (const batch of tasks.scan('')) yield batch.entries
}

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const item of items) if (item === null) throw new Error('nothing')
}

function makeTree(files: number, folders: number): void {
  for (let i = 0; i < folders; i++) fs.mkdirSync(join(root, `folder-${i}`), { recursive: true })
  const data = Buffer.alloc(4096, 'data')
  for (let i = 0; i < files; i++) fs.writeFileSync(join(root, `folder-${i % folders}`, `file-${i}.txt`), data)
}

interface Cost {
  readonly wallMs: number
  readonly cpuMs: number
  readonly mainCpuMs: number
  /** The most resident memory meanwhile, beyond that at the beginning. */
  readonly grownMb: number
}

async function cost(act: () => unknown): Promise<Cost> {
  const before = residentBytes('VmRSS')
  resetPeak()
  const start = performance.now()
  const cpu = process.cpuUsage()
  const mainCpu = process.threadCpuUsage()
  await act()
  const wallMs = performance.now() - start
  const spent = process.cpuUsage(cpu)
  const spentHere = process.threadCpuUsage(mainCpu)
  return {
    wallMs,
    cpuMs: (spent.user + spent.system) / 1000,
    mainCpuMs: (spentHere.user + spentHere.system) / 1000,
    grownMb: Math.max(0, residentBytes('VmHWM') - before) / 1e6,
  }
}

// Linux alone can tell the peak of a part of a run.
function resetPeak(): void {
  if (fs.existsSync('/proc/self/clear_refs')) fs.writeFileSync('/proc/self/clear_refs', '5')
}

function residentBytes(field: 'VmRSS' | 'VmHWM'): number {
  if (!fs.existsSync('/proc/self/status')) return process.memoryUsage.rss()
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(fs.readFileSync('/proc/self/status', 'utf8'))![1]) * 1024
}

function report(name: string, costs: readonly Cost[]): void {
  const of = (field: keyof Cost): string => median(costs.map((each) => each[field])).toFixed(0)
  console.log(
    `  ${name.padEnd(30)} ${of('wallMs').padStart(6)} ms, cpu ${of('cpuMs')}, main thread ${of('mainCpuMs')}; ${of('grownMb')} MB more`,
  )
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}
