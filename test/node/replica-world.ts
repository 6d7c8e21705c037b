import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import { parseFolderId } from '../../src/model/folder-id.ts'
import { deviceTagOf } from '../../src/node/device-identity.ts'
import { FolderReplica } from '../../src/node/folder-replica.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { systemRandom } from '../../src/node/system-random.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { FolderWatcher, WatchHint } from '../../src/ports/folder-watcher.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import type { Logger } from '../../src/ports/logger.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { MemoryNetwork } from '../twins/memory-network.ts'
import { memoryStore } from '../twins/memory-store.ts'

const folder = parseFolderId('ab'.repeat(32))
const root = '/home/folder'
const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** A watcher that a test drives by hand. */
class HandWatcher implements FolderWatcher {
  hint: (hint: WatchHint) => void = () => undefined

  start(_root: string, onHint: (hint: WatchHint) => void): Promise<void> {
    this.hint = onHint
    return Promise.resolve()
  }

  stop(): Promise<void> {
    this.hint = () => undefined
    return Promise.resolve()
  }
}

export interface DeviceOptions {
  /** What its user's clock is off by, in milliseconds. */
  readonly clockOffMs?: number
}

/** Whole devices in one process, on disks, databases and a network in memory; time is real but for its offset. */
export class ReplicaWorld {
  readonly network = new MemoryNetwork()
  readonly devices: WorldDevice[] = []
  readonly failures: string[] = []

  async add(name: string, options: DeviceOptions = {}): Promise<WorldDevice> {
    const letter = alphabet[this.devices.length]!
    const device = new WorldDevice(this, name, `12D3Koo${letter.repeat(45)}` as DeviceId, options)
    this.devices.push(device)
    await device.start()
    return device
  }

  /** Waits until no device has anything to do and all have the same root; returns the trees, which must be equal. */
  async rest(devices: readonly WorldDevice[] = this.devices): Promise<Map<string, string>> {
    const deadline = performance.now() + 20_000
    while (!isAtRest(devices)) {
      if (this.failures.length > 0) throw new Error(this.failures.join('\n'))
      if (performance.now() > deadline) throw new Error(`no rest:\n${devices.map((device) => device.describe()).join('\n')}`)
      await systemClock.sleep(5)
    }
    const [first, ...others] = devices.map((device) => device.tree())
    for (const other of others) {
      const same = JSON.stringify([...other]) === JSON.stringify([...first!])
      if (!same) throw new Error(`trees differ:\n${devices.map((device) => device.describe()).join('\n')}`)
    }
    return first!
  }

  async stop(): Promise<void> {
    for (const device of this.devices) await device.stop()
  }
}

export class WorldDevice {
  readonly disk = new MemoryDisk()
  readonly name: string
  readonly id: DeviceId
  readonly #world: ReplicaWorld
  readonly #store: KeyValueStore = memoryStore()
  readonly #watcher = new HandWatcher()
  readonly #clock: Clock
  #replica: FolderReplica | null = null

  constructor(world: ReplicaWorld, name: string, id: DeviceId, options: DeviceOptions) {
    this.#world = world
    this.name = name
    this.id = id
    const off = options.clockOffMs ?? 0
    this.#clock = { ...systemClock, now: () => systemClock.now() + off }
    this.disk.makeFolders(root)
  }

  get replica(): FolderReplica {
    if (this.#replica === null) throw new Error(`${this.name} is not running`)
    return this.#replica
  }

  async start(): Promise<void> {
    const marker = { folder, nonce: '00'.repeat(16) }
    const tasks = new DiskFileTasks({ disk: this.disk, root })
    if ((await tasks.readMarker()) === null) await tasks.prepareRoot(marker)
    const index = await FolderIndex.open(this.#store, { deviceTag: deviceTagOf(this.id), random: systemRandom })
    this.#replica = new FolderReplica({
      folder,
      path: root,
      marker,
      deviceName: this.name,
      index,
      tasks,
      newWatcher: () => this.#watcher,
      transport: this.#world.network.transport(this.id),
      clock: this.#clock,
      random: systemRandom,
      logger: process.env['P2PSYNC_TEST_LOG'] === undefined ? silent : printing(this.name),
      onChange: () => undefined,
      onFatal: (what, error) =>
        this.#world.failures.push(`${this.name}: ${what}: ${error instanceof Error ? error.stack : String(error)}`),
    })
    await this.#replica.start()
  }

  async stop(): Promise<void> {
    await this.#replica?.stop()
    this.#replica = null
  }

  write(path: string, text: string, options: { mtimeMs?: number; mode?: number } = {}): void {
    const { mtimeMs, mode } = options
    const parents = this.#missingParents(path)
    this.disk.writeFile(`${root}/${path}`, text, {
      ...(mode === undefined ? {} : { mode }),
      ...(mtimeMs === undefined ? {} : { mtimeNs: BigInt(mtimeMs) * 1_000_000n }),
    })
    this.#changed(...parents, path)
  }

  remove(path: string): void {
    this.disk.quietly(() => removeAll(this.disk, `${root}/${path}`))
    this.#changed(path)
  }

  rename(from: string, to: string): void {
    const parents = this.#missingParents(to)
    this.disk.makeFolders(`${root}/${to}`.slice(0, `${root}/${to}`.lastIndexOf('/')))
    this.disk.quietly(() => this.disk.rename(`${root}/${from}`, `${root}/${to}`))
    this.#changed(...parents, from, to)
  }

  makeFolder(path: string): void {
    const parents = this.#missingParents(path)
    this.disk.makeFolders(`${root}/${path}`)
    this.#changed(...parents, path)
  }

  link(path: string, target: string): void {
    this.disk.quietly(() => this.disk.makeLink(`${root}/${path}`, target))
    this.#changed(path)
  }

  /** Path to what it is, as text, without `.p2psync`. */
  tree(): Map<string, string> {
    const tree = new Map<string, string>()
    for (const [path, entry] of this.disk.tree(root)) {
      if (path === '.p2psync' || path.startsWith('.p2psync/')) continue
      const mode = entry.kind === 'file' && (entry.mode & 0o100) !== 0 ? ' executable' : ''
      tree.set(path, `${entry.kind} ${entry.content}${entry.target}${mode}`)
    }
    return new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  describe(): string {
    const status = this.#replica?.view.status()
    return JSON.stringify({ name: this.name, status, tree: [...this.tree()] }, null, 1)
  }

  /** A real watcher reports each new folder, not only what was put into it. */
  #missingParents(path: string): string[] {
    const segments = path.split('/')
    const parents = segments.slice(1).map((_, i) => segments.slice(0, i + 1).join('/'))
    return parents.filter((parent) => this.disk.quietly(() => this.disk.lstat(`${root}/${parent}`)) === null)
  }

  #changed(...paths: string[]): void {
    this.#watcher.hint({ type: 'paths', paths })
  }
}

function isAtRest(devices: readonly WorldDevice[]): boolean {
  return devices.every(({ replica }) => {
    const { state } = replica.view.status()
    return state === 'in-sync' || (devices.length === 1 && state === 'waiting')
  })
}

function removeAll(disk: MemoryDisk, path: string): void {
  if (disk.lstat(path)?.kind === 'folder') {
    for (const entry of disk.readFolder(path)) removeAll(disk, `${path}/${entry.name}`)
    disk.removeFolder(path)
  } else disk.unlink(path)
}

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
}

function printing(name: string): Logger {
  const print = (message: string, fields?: unknown): void => {
    process.stderr.write(`${performance.now().toFixed(0)} ${name}: ${message} ${JSON.stringify(fields ?? {})}\n`)
  }
  return { debug: print, info: print, warn: print, error: print, child: () => printing(name) }
}
