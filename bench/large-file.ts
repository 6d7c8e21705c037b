import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { randomFillSync } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { systemRandom } from '../src/node/system-random.ts'
import { formatFolderKey } from '../src/node/key-text.ts'

/**
 * How long a large file takes to a second node on loopback, and the most memory that each node ever held (VmHWM).
 *   node bench/large-file.ts [--gib 4] [--dir /dev/shm] [--port 23201]
 * The clock runs from both nodes being started until the receiver's file is in place; then it is compared byte by byte.
 */
const { values } = parseArgs({
  options: {
    gib: { type: 'string', default: '4' },
    dir: { type: 'string', default: tmpdir() },
    port: { type: 'string', default: '23201' },
  },
})
const pieceBytes = 16 * 2 ** 20
const sizeBytes = Number(values.gib) * 2 ** 30
const port = Number(values.port)
// What a user runs, of what was built: sources would add the compiler that strips their types.
const bin = resolve(import.meta.dirname, '../cli/bin.js')
const root = mkdtempSync(join(values.dir, 'p2psync-bench-large-'))
const key = formatFolderKey(systemRandom.bytes(32))
const nodes: ChildProcess[] = []

try {
  for (const name of ['A', 'B']) mkdirSync(join(root, name))
  writeNoise(join(root, 'A/large'))
  const start = performance.now()
  nodes.push(startNode('A', port, port + 1), startNode('B', port + 1, port))
  while (lstatSync(join(root, 'B/large'), { throwIfNoEntry: false }) === undefined) {
    if (nodes.some((node) => node.exitCode !== null)) throw new Error('a node has ended')
    await sleep(10)
  }
  const seconds = (performance.now() - start) / 1000
  const peaks = nodes.map((node) => `${(peakBytes(node.pid!) / 1e6).toFixed(0)} MB`)
  const rate = (sizeBytes / 2 ** 20 / seconds).toFixed(0)
  console.log(
    `${values.gib} GiB in ${seconds.toFixed(1)} s, ${rate} MiB/s; most memory: sender ${peaks[0]}, receiver ${peaks[1]}`,
  )
  if (!areEqual(join(root, 'A/large'), join(root, 'B/large'))) throw new Error('the files differ')
} finally {
  for (const node of nodes) {
    node.kill('SIGTERM')
    if (node.exitCode === null) await once(node, 'exit')
  }
  rmSync(root, { recursive: true, force: true })
}

function startNode(name: string, ownPort: number, otherPort: number): ChildProcess {
  const addresses = ['--listen', `/ip4/127.0.0.1/tcp/${ownPort}`, '--peer', `/ip4/127.0.0.1/tcp/${otherPort}`]
  const options = ['--home', join(root, `home-${name}`), '--name', name, '--no-mdns', ...addresses]
  const args = [bin, 'start', join(root, name), ...options]
  const environment = { ...process.env, P2PSYNC_KEY: key, XDG_RUNTIME_DIR: join(root, `home-${name}`) }
  return spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] })
}

function writeNoise(path: string): void {
  const file = openSync(path, 'w')
  const piece = Buffer.alloc(pieceBytes)
  for (let at = 0; at < sizeBytes; at += pieceBytes)
    writeSync(file, randomFillSync(piece), 0, Math.min(pieceBytes, sizeBytes - at))
  closeSync(file)
}

function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
}

function areEqual(a: string, b: string): boolean {
  if (lstatSync(a).size !== lstatSync(b).size) return false
  const files = [openSync(a, 'r'), openSync(b, 'r')] as const
  const pieces = [Buffer.alloc(pieceBytes), Buffer.alloc(pieceBytes)] as const
  let equal = true
  for (let at = 0; equal && at < sizeBytes; at += pieceBytes) {
    for (const index of [0, 1] as const) readSync(files[index], pieces[index], 0, pieceBytes, at)
    equal = pieces[0].equals(pieces[1])
  }
  for (const file of files) closeSync(file)
  return equal
}
