import { spawn, type ChildProcess } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { formatFolderKey } from '../src/node/key-text.ts'
import { systemRandom } from '../src/node/system-random.ts'

/**
 * How long a folder's rename takes to a second node on loopback, and how many bytes.
 *   node bench/move.ts [--files 10000] [--runs 5] [--dir /dev/shm] [--port 23501]
 * The clock runs from the rename until the folder is at its new place there with every file. "wire" is what loopback
 * carried from then until all was at rest: run it by `unshare -n`, so that nobody else uses it.
 */
const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '5' },
    dir: { type: 'string', default: tmpdir() },
    port: { type: 'string', default: '23501' },
  },
})
const fileCount = Number(values.files)
const filesPerFolder = 100
const port = Number(values.port)
const restMs = 4000
const bin = resolve(import.meta.dirname, '../cli/bin.js')
const root = mkdtempSync(join(values.dir, 'p2psync-bench-move-'))
const key = formatFolderKey(systemRandom.bytes(32))
const nodes: ChildProcess[] = []

try {
  makeFiles(join(root, 'A/folder 0'))
  mkdirSync(join(root, 'B'))
  nodes.push(startNode('A', port, port + 1), startNode('B', port + 1, port))
  await until(() => countFiles(join(root, 'B/folder 0')) === fileCount)
  await sleep(restMs)
  const seconds: number[] = []
  for (let run = 1; run <= Number(values.runs); run++) {
    const [from, to] = [`folder ${run - 1}`, `folder ${run}`]
    const before = loopbackBytes()
    const start = performance.now()
    renameSync(join(root, 'A', from), join(root, 'A', to))
    await until(() => countFiles(join(root, 'B', to)) === fileCount && !existsSync(join(root, 'B', from)))
    seconds.push((performance.now() - start) / 1000)
    await sleep(restMs)
    console.log(
      `${fileCount} files: ${seconds.at(-1)!.toFixed(2)} s, wire ${((loopbackBytes() - before) / 1024).toFixed(1)} KiB`,
    )
  }
  const median = seconds.toSorted((a, b) => a - b)[seconds.length >> 1]!
  console.log(`median ${median.toFixed(2)} s`)
} finally {
  for (const node of nodes) {
    node.kill('SIGTERM')
    if (node.exitCode === null) await once(node, 'exit')
  }
  rmSync(root, { recursive: true, force: true })
}

function makeFiles(folder: string): void {
  for (let i = 0; i < fileCount; i++) {
    const inside = join(folder, `${Math.floor(i / filesPerFolder)}`)
    mkdirSync(inside, { recursive: true })
    writeFileSync(join(inside, `file ${i}`), randomFillSync(Buffer.alloc(1024)))
  }
}

function startNode(name: string, ownPort: number, otherPort: number): ChildProcess {
  const addresses = ['--listen', `/ip4/127.0.0.1/tcp/${ownPort}`, '--peer', `/ip4/127.0.0.1/tcp/${otherPort}`]
  const options = [
    '--home',
    join(root, `home-${name}`),
    '--name',
    name,
    '--no-mdns',
    '--log-level',
    'error',
    ...addresses,
  ]
  const environment = { ...process.env, P2PSYNC_KEY: key, XDG_RUNTIME_DIR: join(root, `home-${name}`) }
  const args = [bin, 'start', join(root, name), ...options]
  return spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] })
}

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    if (nodes.some((node) => node.exitCode !== null)) throw new Error('a node has ended')
    await sleep(2)
  }
}

function countFiles(folder: string): number {
  if (!existsSync(folder)) return 0
  let count = 0
  for (const name of readdirSync(folder)) count += readdirSync(join(folder, name)).length
  return count
}

/** Received by the loopback device of this network namespace; 0 where /proc does not tell. */
function loopbackBytes(): number {
  const line = /^ *lo: *(\d+)/m.exec(readFileSync('/proc/net/dev', 'utf8'))
  return Number(line?.[1] ?? 0)
}
