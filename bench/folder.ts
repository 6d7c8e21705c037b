import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ControlClient } from '../src/control/control-client.ts'
import type { FolderStatus } from '../src/node/node-api.ts'
import { processUse } from './process-memory.ts'

/**
 * How long one node takes to know a folder: its first index, starting again after an end in order and after SIGKILL, a
 * saved file until its record is committed, and a burst of files while it stands still. Run `npm run build` first: the node is
 * what a user runs, on loopback, without mDNS. Linux only.
 *   node bench/folder.ts [--files 100000] [--folders 1000] [--bytes 4096] [--saves 200] [--burst 30000] [--stopped-seconds 5]
 *     [--syncthing] [--dir /dev/shm] [--port 23501]
 * "Up to date" is counted from the start of the process. --syncthing: one of them beside, on the same folder, alone as well.
 */
const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    folders: { type: 'string', default: '1000' },
    bytes: { type: 'string', default: '4096' },
    saves: { type: 'string', default: '200' },
    burst: { type: 'string', default: '30000' },
    'stopped-seconds': { type: 'string', default: '5' },
    syncthing: { type: 'boolean', default: false },
    dir: { type: 'string', default: tmpdir() },
    port: { type: 'string', default: '23501' },
  },
})
const files = Number(values.files)
const folders = Number(values.folders)
const saves = Number(values.saves)
const burst = Number(values.burst)
const port = Number(values.port)
const content = Buffer.alloc(Number(values.bytes), 'data')
const bin = resolve(import.meta.dirname, '../cli/bin.js')
const root = mkdtempSync(join(values.dir, 'p2psync-bench-folder-'))
const folder = join(root, 'folder')
const home = join(root, 'home')
const client = new ControlClient({ home })
const running = new Set<ChildProcess>()
const waitMaxMs = 30 * 60_000

try {
  makeFiles('d', files)
  console.log(`${files} files of ${content.length} bytes in ${folders} folders below ${values.dir}`)
  const first = startNode()
  report('first index', await untilUpToDate(files), first)
  await end(first, 'SIGTERM')
  const again = startNode()
  report('started again', await untilUpToDate(files), again)
  await end(again, 'SIGKILL')
  const killed = startNode()
  report('started after SIGKILL', await untilUpToDate(files), killed)
  await measureSaves()
  await measureBurst(killed)
  await end(killed, 'SIGTERM')
  if (values.syncthing) await measureSyncthing()
} finally {
  await Promise.all([...running].map((child) => end(child, 'SIGKILL')))
  rmSync(root, { recursive: true, force: true })
}

/** Each save is one new file put in place by a rename, as editors save, once the node is at rest. */
async function measureSaves(): Promise<void> {
  const waits: number[] = []
  for (let i = 0; i < saves; i++) {
    await sleep(50)
    const path = `d${i % folders}/saved ${i}.txt`
    const savedAt = Date.now()
    writeFileSync(join(folder, `.p2psync/${i}.tmp`), content)
    renameSync(join(folder, `.p2psync/${i}.tmp`), join(folder, path))
    await until(async () => (await status())?.lastChange?.path === path, 5)
    waits.push((await status())!.lastChange!.at - savedAt)
  }
  if (saves === 0) return
  const sorted = waits.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  console.log(
    `  saved file to committed record, ${saves} saves: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`,
  )
}

/** The whole process stands still, so that the queue of inotify overflows; after that nothing but the node itself helps. */
async function measureBurst(node: ChildProcess): Promise<void> {
  if (burst === 0) return
  const before = (await status())!.files
  node.kill('SIGSTOP')
  makeFiles('burst ', burst)
  await sleep(Number(values['stopped-seconds']) * 1000)
  node.kill('SIGCONT')
  report(`${burst} files made while it stood still`, await untilUpToDate(before + burst), node)
}

function startNode(): ChildProcess {
  const options = ['--home', home, '--name', 'bench', '--no-mdns', '--listen', `/ip4/127.0.0.1/tcp/${port}`]
  return start(process.execPath, [bin, 'start', folder, ...options], { ...process.env, XDG_RUNTIME_DIR: root })
}

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

async function status(): Promise<FolderStatus | undefined> {
  return client.status().then(
    ([only]) => only,
    () => undefined,
  )
}

/** Resolves to the seconds until the node holds `count` files and has nothing to do. */
function untilUpToDate(count: number): Promise<number> {
  return until(async () => {
    const now = await status()
    return now?.files === count && now.state === 'waiting'
  }, 50)
}

async function until(isTrue: () => Promise<boolean>, everyMs: number): Promise<number> {
  const began = performance.now()
  while (!(await isTrue())) {
    if (performance.now() - began > waitMaxMs) throw new Error('it does not come to rest')
    await sleep(everyMs)
  }
  return (performance.now() - began) / 1000
}

function report(what: string, seconds: number, child: ChildProcess): void {
  const { peak, cpuSeconds } = processUse(child.pid!)
  console.log(
    `  ${what}: ${seconds.toFixed(2)} s; so far ${cpuSeconds.toFixed(1)} s of processor, at most ${(peak / 1e6).toFixed(0)} MB`,
  )
}

function makeFiles(prefix: string, count: number): void {
  for (let i = 0; i < Math.min(folders, count); i++) mkdirSync(join(folder, `${prefix}${i}`), { recursive: true })
  for (let i = 0; i < count; i++) writeFileSync(join(folder, `${prefix}${i % folders}`, `file ${i}.txt`), content)
}

async function measureSyncthing(): Promise<void> {
  if (spawnSync('syncthing', ['--version']).error !== undefined) throw new Error('Syncthing is not installed')
  const state = join(root, 'syncthing')
  spawnSync('syncthing', ['generate', `--home=${state}`, '--no-default-folder'])
  mkdirSync(join(folder, '.stfolder'), { recursive: true })
  writeFileSync(
    join(state, 'config.xml'),
    `<configuration version="36"><folder id="f" path="${folder}" fsWatcherEnabled="true" rescanIntervalS="3600"/>
    <gui enabled="true" tls="false"><address>127.0.0.1:${port + 1}</address><apikey>k</apikey></gui>
    <options><listenAddress>tcp://127.0.0.1:${port + 2}</listenAddress><globalAnnounceEnabled>false</globalAnnounceEnabled>
    <localAnnounceEnabled>false</localAnnounceEnabled><relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled>
    <urAccepted>-1</urAccepted><startBrowser>false</startBrowser></options></configuration>`,
  )
  const child = start('syncthing', ['serve', `--home=${state}`, '--no-browser', '--no-upgrade'], process.env)
  const ask = (path: string, method = 'GET') =>
    fetch(`http://127.0.0.1:${port + 1}/rest/db/${path}`, { method, headers: { 'X-API-Key': 'k' } })
  const isIdle = async () => {
    const { state: now, localFiles } = (await (await ask('status?folder=f')).json()) as Record<string, unknown>
    return now === 'idle' && Number(localFiles) >= files
  }
  const indexed = await until(() => isIdle().catch(() => false), 50)
  const began = performance.now()
  await ask('scan?folder=f', 'POST')
  const rescanned = (performance.now() - began) / 1000
  console.log(`  Syncthing: first index ${indexed.toFixed(2)} s, scan again ${rescanned.toFixed(2)} s`)
  await end(child, 'SIGTERM')
}
