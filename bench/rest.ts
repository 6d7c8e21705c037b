import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ControlClient } from '../src/control/control-client.ts'
import type { FolderStatus } from '../src/node/node-api.ts'
import { formatFolderKey } from '../src/node/key-text.ts'
import { systemRandom } from '../src/node/system-random.ts'
import { processUse, type ProcessUse } from './process-memory.ts'

/**
 * What nodes take when there is nothing to do: memory after a rest, the most that they ever held, and processor time.
 * Run `npm run build` first: the nodes are what a user runs, on loopback, without mDNS. Linux only.
 *   node bench/rest.ts [--files 100000] [--folders 1000] [--two] [--burst 20000] [--syncthing] [--dir /dev/shm]
 *     [--rest-seconds 20] [--cpu-seconds 60] [--port 23301] [--json]
 * A node alone: after its first index, and started again. --two: and a second node, which gets all of it from the first;
 * then --burst files more. --syncthing: two of them beside, on a copy of the folder, if it is installed.
 */
const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    folders: { type: 'string', default: '1000' },
    two: { type: 'boolean', default: false },
    burst: { type: 'string', default: '0' },
    syncthing: { type: 'boolean', default: false },
    dir: { type: 'string', default: tmpdir() },
    'rest-seconds': { type: 'string', default: '20' },
    'cpu-seconds': { type: 'string', default: '60' },
    port: { type: 'string', default: '23301' },
    json: { type: 'boolean', default: false },
  },
})
const files = Number(values.files)
const folders = Number(values.folders)
const burst = Number(values.burst)
const port = Number(values.port)
const restMs = Number(values['rest-seconds']) * 1000
const cpuMs = Number(values['cpu-seconds']) * 1000
const bin = resolve(import.meta.dirname, '../cli/bin.js')
const root = mkdtempSync(join(values.dir, 'p2psync-bench-rest-'))
const key = formatFolderKey(systemRandom.bytes(32))
const running = new Set<ChildProcess>()
let hasEnded = false

try {
  makeFiles(join(root, 'A'), '', files)
  mkdirSync(join(root, 'B'))
  await measureNodes()
  if (values.syncthing) await measureSyncthing()
} finally {
  await Promise.all([...running].map(end))
  rmSync(root, { recursive: true, force: true })
}

async function measureNodes(): Promise<void> {
  const first = startNode('A')
  await report('first index', [first], await untilRested('A', files))
  await end(first)
  const again = startNode('A')
  await report('started again', [again], await untilRested('A', files))
  if (!values.two) return
  const other = startNode('B')
  await untilRested('A', files, 'in-sync')
  await report('first sync', [again, other], await untilRested('B', files, 'in-sync'))
  if (burst === 0) return
  makeFiles(join(root, 'A'), 'burst-', burst)
  await untilRested('A', files + burst, 'in-sync')
  await report(`${burst} more`, [again, other], await untilRested('B', files + burst, 'in-sync'))
}

function startNode(name: 'A' | 'B'): ChildProcess {
  const [own, other] = name === 'A' ? [port, port + 1] : [port + 1, port]
  const home = join(root, `home-${name}`)
  const addresses = ['--listen', `/ip4/127.0.0.1/tcp/${own}`, '--peer', `/ip4/127.0.0.1/tcp/${other}`]
  const options = ['--home', home, '--name', name, '--no-mdns', ...addresses]
  const environment = { ...process.env, P2PSYNC_KEY: key, XDG_RUNTIME_DIR: home }
  return start(process.execPath, [bin, 'start', join(root, name), ...options], environment)
}

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  running.add(child)
  child.once('exit', (code) => {
    running.delete(child)
    hasEnded ||= code !== 0
  })
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** Resolves to the seconds until it had its `count` files and nothing to do. */
async function untilRested(name: 'A' | 'B', count: number, state: FolderStatus['state'] = 'waiting'): Promise<number> {
  const client = new ControlClient({ home: join(root, `home-${name}`) })
  return until(async () => {
    const [folder] = await client.status()
    return folder?.files === count && folder.state === state
  })
}

async function until(isTrue: () => Promise<boolean>): Promise<number> {
  const began = performance.now()
  while (!(await isTrue().catch(() => false))) {
    if (hasEnded) throw new Error('a node has ended')
    if (performance.now() - began > 30 * 60_000) throw new Error('it does not come to rest')
    await sleep(100)
  }
  return (performance.now() - began) / 1000
}

async function report(what: string, processes: readonly ChildProcess[], readySeconds: number): Promise<void> {
  await sleep(restMs)
  const before = processes.map(useOfTree)
  await sleep(cpuMs)
  for (const [i, child] of processes.entries()) {
    const use = useOfTree(child)
    const cpuSeconds = Math.max(0, use.cpuSeconds - before[i]!.cpuSeconds)
    const row = {
      what,
      node: processes.length === 1 ? 'alone' : `${i + 1} of 2`,
      files,
      readySeconds,
      ...use,
      cpuSeconds,
    }
    console.log(values.json ? JSON.stringify(row) : textOf(row))
  }
}

function textOf({ what, node, ...use }: ProcessUse & { what: string; node: string; readySeconds: number }): string {
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`
  return [
    `${what}, ${node}: ${mb(use.rss)} after ${restMs / 1000} s`,
    `anonymous ${mb(use.anonymous)}, Pss ${mb(use.pss)}, peak ${mb(use.peak)}`,
    `${use.cpuSeconds.toFixed(2)} s of processor in ${cpuMs / 1000} s`,
    `${use.threads} threads`,
    `ready in ${use.readySeconds.toFixed(1)} s`,
  ].join('; ')
}

/** Syncthing works in a child of the program that was started. */
function useOfTree(child: ChildProcess): ProcessUse {
  const own = processUse(child.pid!)
  const listed = spawnSync('ps', ['-o', 'pid=', '--ppid', String(child.pid)], { encoding: 'utf8' }).stdout
  const below = listed
    .split('\n')
    .filter(Boolean)
    .map((pid) => processUse(Number(pid)))
  const names = Object.keys(own) as (keyof ProcessUse)[]
  const sums = names.map((name) => [name, below.reduce((sum, use) => sum + use[name], own[name])])
  return Object.fromEntries(sums) as ProcessUse
}

function makeFiles(folder: string, prefix: string, count: number): void {
  for (let i = 0; i < Math.min(folders, count); i++) mkdirSync(join(folder, `${prefix}${i}`), { recursive: true })
  for (let i = 0; i < count; i++) {
    writeFileSync(join(folder, `${prefix}${i % folders}`, `file-${i}.txt`), `content of ${prefix}${i}\n`)
  }
}

async function measureSyncthing(): Promise<void> {
  if (spawnSync('syncthing', ['--version']).error !== undefined) throw new Error('Syncthing is not installed')
  mkdirSync(join(root, 'syncthing-B'), { recursive: true })
  const homes = ['A', 'B'].map((name) => join(root, `syncthing-home-${name}`))
  const ids = homes.map((home) => {
    spawnSync('syncthing', ['generate', `--home=${home}`, '--no-default-folder'])
    return spawnSync('syncthing', [`--home=${home}`, '--device-id'], { encoding: 'utf8' }).stdout.trim()
  })
  const synced = [join(root, 'A'), join(root, 'syncthing-B')]
  const nodes = homes.map((home, i) => {
    if (!existsSync(join(synced[i]!, '.stfolder'))) mkdirSync(join(synced[i]!, '.stfolder'))
    writeFileSync(join(home, 'config.xml'), syncthingConfig(synced[i]!, ids, port + 10, i))
    return start('syncthing', ['serve', `--home=${home}`, '--no-browser', '--no-upgrade'], process.env)
  })
  const count = files + (values.two ? burst : 0)
  const seconds = await until(async () => {
    const states = await Promise.all(nodes.map((_, i) => syncthingFiles(port + 20 + i)))
    return states.every((held) => held === count)
  })
  await report('Syncthing, first sync', nodes, seconds)
}

async function syncthingFiles(guiPort: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${guiPort}/rest/db/status?folder=f`, { headers: { 'X-API-Key': 'k' } })
  const status = (await answer.json()) as { state: string; localFiles: number; needFiles: number }
  return status.state === 'idle' && status.needFiles === 0 ? status.localFiles : -1
}

function syncthingConfig(folder: string, ids: readonly string[], listenPort: number, own: number): string {
  const devices = ids.map(
    (id, i) => `<device id="${id}" name="${i}"><address>tcp://127.0.0.1:${listenPort + i}</address></device>`,
  )
  return `<configuration version="36">
    <folder id="f" path="${folder}" type="sendreceive" fsWatcherEnabled="true" fsWatcherDelayS="10" rescanIntervalS="3600">
    <filesystemType>basic</filesystemType>${ids.map((id) => `<device id="${id}"/>`).join('')}</folder>${devices.join('')}
    <gui enabled="true" tls="false"><address>127.0.0.1:${listenPort + 10 + own}</address><apikey>k</apikey></gui>
    <options><listenAddress>tcp://127.0.0.1:${listenPort + own}</listenAddress><urAccepted>-1</urAccepted>
    <globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>
    <relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><startBrowser>false</startBrowser>
    <crashReportingEnabled>false</crashReportingEnabled></options></configuration>`
}
