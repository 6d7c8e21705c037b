import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { networkFlags } from '../cli/network-settings.js'
import type { WatchHint } from '../src/ports/folder-watcher.ts'
import type { WorkerFolderWatcher } from '../src/watcher/worker-folder-watcher.ts'

// What watching a folder costs with each of our watchers, and how soon it tells. Each figure is the median of several processes.
//   npm run build && node bench/watch.ts [--dir /dev/shm] [--trees 1000x100,100000x1000] [--runs 5]
// What was built is measured: a worker that runs the sources holds the compiler as well.
// A tree is files x folders. A line is one way of watching: `none` is the process without a watcher.

interface Figures {
  /** Until every folder is watched. */
  readonly readyMs: number
  /** Of the whole process, at rest after garbage was collected, above `none`. */
  readonly rssMb: number
  /** Of the whole process, from the start until ready. */
  readonly readyCpuMs: number
  /** Of the whole process in 5 s at rest. */
  readonly restCpuMs: number
  /** From before a file is saved until the hint, one save each 100 ms. */
  readonly saveMs: number
  readonly saveMsMax: number
  /** Of the whole process for 5,000 new files in one folder. */
  readonly burstCpuMs: number
}

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: tmpdir() },
    trees: { type: 'string', default: '100x10,1000x100,5000x500,20000x1000,100000x1000,100000x10000' },
    kinds: { type: 'string', default: 'chokidar,folders' },
    runs: { type: 'string', default: '5' },
    dist: { type: 'string', default: fileURLToPath(new URL('../dist/unbundled', import.meta.url)) },
    child: { type: 'string' },
    root: { type: 'string' },
  },
})

if (values.child !== undefined && values.root !== undefined) {
  console.log(JSON.stringify(await measure(values.child, values.root)))
} else {
  for (const tree of values.trees.split(',')) compare(tree, Number(values.runs))
}

function compare(tree: string, runs: number): void {
  const [files = 0, folders = 1] = tree.split('x').map(Number)
  const root = fs.mkdtempSync(join(values.dir, 'p2psync-bench-watch-'))
  try {
    makeTree(root, files, folders)
    console.log(`${files} files in ${folders} folders of ${values.dir}; medians of ${runs} processes`)
    let without = 0
    for (const kind of ['none', ...values.kinds.split(',')]) {
      const all = Array.from({ length: runs }, () => inProcess(kind, root))
      const of = (name: keyof Figures): number => median(all.map((figures) => figures[name]))
      if (kind === 'none') without = of('rssMb')
      const line = [
        `ready ${of('readyMs').toFixed(0)} ms (cpu ${of('readyCpuMs').toFixed(0)})`,
        `rss +${(of('rssMb') - without).toFixed(1)} MB`,
        `rest ${of('restCpuMs').toFixed(1)} ms cpu`,
        `save ${of('saveMs').toFixed(2)} ms, max ${of('saveMsMax').toFixed(2)}`,
        `burst ${of('burstCpuMs').toFixed(0)} ms cpu`,
      ]
      console.log(`  ${kind.padEnd(9)} ${kind === 'none' ? `rss ${without.toFixed(1)} MB` : line.join('; ')}`)
    }
  } finally {
    fs.rmSync(root, { recursive: true })
  }
}

function makeTree(root: string, files: number, folders: number): void {
  // A tenth of the folders at the top, the others below them.
  const tops = Math.max(1, Math.floor(folders / 10))
  const path = (i: number): string => (i < tops ? `${root}/d${i}` : `${root}/d${i % tops}/e${i}`)
  for (let i = 0; i < folders; i++) fs.mkdirSync(path(i))
  for (let i = 0; i < files; i++) fs.writeFileSync(`${path(i % folders)}/file-${i}.txt`, '')
}

/** A fresh process, set up as the node's own. */
function inProcess(kind: string, root: string): Figures {
  const args = [...networkFlags, fileURLToPath(import.meta.url), '--child', kind, '--root', root, '--dist', values.dist]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Figures
}

async function measure(kind: string, root: string): Promise<Figures> {
  const seen = new Map<string, () => void>()
  const onHint = (hint: WatchHint): void => {
    if (hint.type === 'paths') for (const path of hint.paths) seen.get(path)?.()
  }
  const queuedEventsMax = 16_384
  const folderLevelFrom = kind === 'folders' ? 0 : Infinity
  const url = pathToFileURL(join(values.dist, 'src/watcher/worker-folder-watcher.js')).href
  const built = (await import(url)) as { readonly WorkerFolderWatcher: typeof WorkerFolderWatcher }
  const watcher = kind === 'none' ? null : new built.WorkerFolderWatcher({ queuedEventsMax, folderLevelFrom })
  const began = performance.now()
  const cpu = cpuMs()
  await watcher?.start(root, onHint)
  const readyMs = performance.now() - began
  const readyCpuMs = cpuMs() - cpu
  await sleep(1000)
  globalThis.gc?.()
  await sleep(500)
  const rssMb = Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024
  const rest = cpuMs()
  await sleep(5000)
  const restCpuMs = cpuMs() - rest
  const saves = watcher === null ? [0] : await saveFiles(root, seen)
  const burstCpuMs = watcher === null ? 0 : await burst(root, seen)
  await watcher?.stop()
  return { readyMs, rssMb, readyCpuMs, restCpuMs, saveMs: median(saves), saveMsMax: Math.max(...saves), burstCpuMs }
}

async function saveFiles(root: string, seen: Map<string, () => void>): Promise<number[]> {
  const saves: number[] = []
  for (let i = 0; i < 20; i++) {
    const name = `save-${i}`
    const hinted = new Promise<void>((resolve) => seen.set(name, resolve))
    const savedAt = performance.now()
    fs.writeFileSync(`${root}/${name}`, 'x')
    await hinted
    saves.push(performance.now() - savedAt)
    fs.rmSync(`${root}/${name}`)
    await sleep(100)
  }
  return saves
}

/** Made by another process, whose time does not count. */
async function burst(root: string, seen: Map<string, () => void>): Promise<number> {
  fs.mkdirSync(`${root}/burst`)
  await sleep(200)
  let left = 5000
  const done = new Promise<void>((resolve) => {
    for (let i = 1; i <= 5000; i++) {
      seen.set(`burst/${i}`, () => {
        seen.delete(`burst/${i}`)
        if (--left === 0) resolve()
      })
    }
  })
  const before = cpuMs()
  execFileSync('sh', ['-c', `cd "${root}/burst" && for i in $(seq 5000); do : > $i; done`])
  await done
  await sleep(200)
  const spent = cpuMs() - before
  fs.rmSync(`${root}/burst`, { recursive: true })
  return spent
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}
