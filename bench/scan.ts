import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { NodeDisk } from '../src/disk/node-disk.ts'
import type { ScanBatch } from '../src/ports/file-tasks.ts'
import { scanFolder } from '../src/watcher/scan-folder.ts'
import { FileWorkerPool } from '../src/workers/file-worker-pool.ts'
import { WorkerFileTasks } from '../src/workers/worker-file-tasks.ts'

// How long a look at every entry of a folder takes, from the file worker to the main thread, against `find`.
//   node bench/scan.ts [--dir /dev/shm] [--files 100000] [--folders 1000] [--runs 5]

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: tmpdir() },
    files: { type: 'string', default: '100000' },
    folders: { type: 'string', default: '1000' },
    runs: { type: 'string', default: '5' },
  },
})
// Each call in progress holds a buffer and a chunker.
const hashesAhead = 2
const root = fs.mkdtempSync(join(values.dir, 'p2psync-bench-scan-'))
const pool = new FileWorkerPool()
try {
  makeTree(Number(values.files), Number(values.folders))
  await pool.start()
  const tasks = new WorkerFileTasks({ pool, root })
  const rows = []
  for (let run = 0; run < Number(values.runs); run++) rows.push(await measure(tasks))
  console.log(`${values.files} files in ${values.folders} folders of ${values.dir}; medians of ${rows.length}, ms`)
  for (const name of ['find', 'here', 'worker', 'mainCpu', 'hash', 'hashMainCpu'] as const) {
    console.log(name.padEnd(12), Math.round(median(rows.map((row) => row[name]))))
  }
  await tasks.close()
} finally {
  await pool.stop()
  fs.rmSync(root, { recursive: true })
}

async function measure(tasks: WorkerFileTasks) {
  const find = timed(() => execFileSync('find', [root, '-printf', '%p %s %T@ %C@ %i %m\\n'], { maxBuffer: 1e9 }))
  const here = timed(() => Array.from(scanFolder(new NodeDisk(), root, '')))
  const batches: ScanBatch[] = []
  const scan = await timedThread(async () => {
    for await (const batch of tasks.scan('')) batches.push(batch)
  })
  const files = batches.flatMap((batch) => batch.entries).filter((entry) => entry.disk.kind === 'file')
  const hash = await timedThread(async () => {
    const pending: Promise<unknown>[] = []
    for (let i = 0; i < files.length; i += 1000) {
      pending.push(tasks.hash(files.slice(i, i + 1000)))
      if (pending.length >= hashesAhead) await pending.shift()
    }
    await Promise.all(pending)
  })
  return { find, here, worker: scan.wall, mainCpu: scan.cpu, hash: hash.wall, hashMainCpu: hash.cpu }
}

function makeTree(files: number, folders: number): void {
  for (let i = 0; i < folders; i++) fs.mkdirSync(join(root, `folder-${i}`))
  const data = Buffer.alloc(4096, 'data')
  for (let i = 0; i < files; i++) fs.writeFileSync(join(root, `folder-${i % folders}`, `file-${i}.txt`), data)
}

function timed(act: () => unknown): number {
  const start = performance.now()
  act()
  return performance.now() - start
}

/** Milliseconds by the clock, and of the processor in this thread alone. */
async function timedThread(act: () => Promise<void>): Promise<{ wall: number; cpu: number }> {
  const start = performance.now()
  const before = process.threadCpuUsage()
  await act()
  const { user, system } = process.threadCpuUsage(before)
  return { wall: performance.now() - start, cpu: (user + system) / 1000 }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}
