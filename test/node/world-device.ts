import { defaultRescanIntervalMs } from '../../src/model/rescan-interval.ts'
import { DiskError } from '../../src/disk/disk-error.ts'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import { parseFolderId, type FolderId } from '../../src/model/folder-id.ts'
import { defaultGuard, type GuardLimits, type HeldChanges } from '../../src/model/guard-limits.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import type { OtherFolder } from '../../src/node/blocks-elsewhere.ts'
import { deviceTagOf } from '../../src/node/device-identity.ts'
import { FolderReplica } from '../../src/node/folder-replica.ts'
import type { BootNotes } from '../../src/node/boot-notes.ts'
import type { FolderReplicaDeps } from '../../src/node/folder-replica-deps.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { FolderWatcher, WatchHint } from '../../src/ports/folder-watcher.ts'
import type { KeyValueStore, StoreEntry } from '../../src/ports/key-value-store.ts'
import type { Logger } from '../../src/ports/logger.ts'
import { unlimited } from '../../src/ports/throttle.ts'
import { hintOfSpelled } from '../../src/watcher/hint-path.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { dumpStore, ProcessStore, restoreStore } from '../twins/process-store.ts'
import type { ReplicaWorld } from './replica-world.ts'
import { silentLogger } from '../twins/silent-logger.ts'

const usualFolder = parseFolderId('ab'.repeat(32))
const root = '/home/folder'

export interface DeviceOptions {
  /** What its clock is off by, in milliseconds. */
  readonly clockOffMs?: number
  /** By default without limits. */
  readonly throttles?: FolderReplicaDeps['throttles']
  /** Its disk takes names that differ in case only for one. */
  readonly ignoresCase?: boolean
  readonly draftBytesMin?: number
  readonly removedRowsMin?: number
  /** By default that of the product. */
  readonly guardLimits?: GuardLimits
  /** Another one than most devices of the world have: it meets only those that have the same. */
  readonly folder?: FolderId
  /** The world's devices that stand for further folders of this one. */
  readonly otherFolders?: () => readonly WorldDevice[]
  /** By default no boot is told from another. */
  readonly bootNotes?: BootNotes
  /** The file tasks of each of its processes; by default nothing but these. */
  /** By default one in memory behind the product's own class. */
  readonly newStore?: () => KeyValueStore
  readonly newTasks?: (deps: { disk: MemoryDisk; root: string }) => DiskFileTasks
}

/** One device of a {@link ReplicaWorld}: a disk and a database that outlive its process, and what its user does. */
export class WorldDevice {
  readonly disk: MemoryDisk
  readonly name: string
  readonly id: DeviceId
  /** Its watcher says nothing: only scans find what changes. */
  isDeaf = false
  /** What its clock, and that of its disk, is off by. */
  clockOffMs: number
  isDead = false
  readonly #world: ReplicaWorld
  readonly #options: DeviceOptions
  readonly #clock: Clock
  #store: KeyValueStore
  #held: readonly HeldChanges[] = []
  #watcher = new HandWatcher()
  #process: Process | null = null

  constructor(world: ReplicaWorld, name: string, id: DeviceId, options: DeviceOptions) {
    this.#world = world
    this.#options = options
    this.#store = (options.newStore ?? memoryStore)()
    this.name = name
    this.id = id
    this.clockOffMs = options.clockOffMs ?? 0
    this.#clock = world.clock.view(() => this.clockOffMs)
    const { ignoresCase = false } = options
    // No two kernels tick in the same nanosecond.
    const tickNs = BigInt(world.devices.length) * 10_000n
    this.disk = new MemoryDisk({ now: () => world.clock.stampNs(this.clockOffMs) + tickNs, ignoresCase })
    this.disk.makeFolders(root)
  }

  get replica(): FolderReplica {
    if (this.#process === null) throw new Error(`${this.name} is not running`)
    return this.#process.replica
  }

  /** What a folder of the same node may ask it for. */
  get asOther(): OtherFolder {
    if (this.#process === null) throw new Error(`${this.name} is not running`)
    return this.#process
  }

  get isRunning(): boolean {
    return this.#process !== null && !this.isDead
  }

  async start(): Promise<void> {
    this.isDead = false
    const { folder = usualFolder, otherFolders } = this.#options
    const marker = { folder, nonce: '00'.repeat(16) }
    const { newTasks = (deps) => new DiskFileTasks(deps), bootNotes, draftBytesMin, removedRowsMin } = this.#options
    const tasks = newTasks({ disk: this.disk, root })
    if ((await tasks.readMarker()) === null) await tasks.prepareRoot(marker)
    const store = new ProcessStore(this.#store)
    const { random } = this.#world
    const index = await FolderIndex.open(store, { deviceTag: deviceTagOf(this.id), random })
    const watcher = new HandWatcher()
    this.#watcher = watcher
    const replica = new FolderReplica({
      folder,
      path: root,
      marker,
      deviceName: this.name,
      index,
      tasks,
      ...(otherFolders === undefined ? {} : { otherFolders: () => otherFolders().map(({ asOther }) => asOther) }),
      newWatcher: () => watcher,
      rescanIntervalMs: defaultRescanIntervalMs,
      ...(bootNotes === undefined ? {} : { bootNotes }),
      ...(draftBytesMin === undefined ? {} : { draftBytesMin }),
      ...(removedRowsMin === undefined ? {} : { removedRowsMin }),
      guard: {
        limits: this.#options.guardLimits === undefined ? defaultGuard : this.#options.guardLimits,
        held: this.#held,
        onHeld: async (held) => {
          if (!this.isDead) this.#held = held
        },
      },
      throttles: this.#options.throttles ?? (() => ({ up: unlimited, down: unlimited })),
      order: noOrder,
      transport: this.#world.network.transport(this.id),
      clock: this.#clock,
      random,
      logger: isVerbose ? printing(this.name) : silentLogger,
      onChange: () => undefined,
      onFatal: (what, error) => {
        if (this.#process?.store !== store || this.isDead) return
        this.#world.failures.push(`${this.name}: ${what}: ${error instanceof Error ? error.stack : String(error)}`)
      },
    })
    this.#process = { store, index, tasks, replica }
    await replica.start()
  }

  /** Ends the process in order. */
  async stop(): Promise<void> {
    // What is left of a dead process does nothing more to the disk.
    if (!this.isDead) this.disk.onCall = undefined
    const process = this.#process
    if (process === null) return
    await this.#world.clock.during(process.replica.stop())
    this.disk.onCall = undefined
    if (this.isDead) this.disk.closeAll()
    else await process.index.close()
    this.#process = null
    this.isDead = false
  }

  /** SIGKILL before the disk's `calls`-th operation from now. */
  killAfter(calls: number): void {
    let left = calls
    this.disk.onCall = () => {
      if (--left > 0) return
      this.die()
      throw new DiskError('EIO', 'the process is dead')
    }
  }

  /** SIGKILL: the database takes nothing more, and peers hear of it. What the disk is still asked for is to fail: {@link killAfter}. */
  die(): void {
    if (this.isDead) return
    this.isDead = true
    this.#process?.store.die()
    this.#world.network.disconnect(this.id)
  }

  /** As a folder that is paused: peers are met, and every stream is refused. To be called while it does not run; returns what ends it. */
  async joinPaused(): Promise<() => Promise<void>> {
    const { folder = usualFolder } = this.#options
    const joined = await this.#world.network.transport(this.id).join(folder, {
      onPeerUp: () => undefined,
      onPeerDown: () => undefined,
      onStream: (_peer, _protocol, stream) => stream.abort('the folder is paused'),
    })
    return () => joined.leave()
  }

  /** After a kill, or in order; the database is still there. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** To be called between {@link stop} and {@link start}. */
  loseDatabase(): void {
    this.#store = (this.#options.newStore ?? memoryStore)()
  }

  copyDatabase(): Promise<StoreEntry[]> {
    return dumpStore(this.#store)
  }

  /** To be called between {@link stop} and {@link start}. */
  putDatabaseBack(copy: readonly StoreEntry[]): Promise<void> {
    return restoreStore(this.#store, copy)
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

  /** As editors save: a new file that is renamed over the old one. */
  save(path: string, text: string): void {
    this.disk.writeFile(`${root}/.p2psync/outside`, text)
    this.disk.quietly(() => this.disk.rename(`${root}/.p2psync/outside`, `${root}/${path}`))
    this.#changed(path)
  }

  chmod(path: string, mode: number): void {
    this.disk.quietly(() => this.disk.setPathMode(`${root}/${path}`, mode))
    this.#changed(path)
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
    const parents = this.#missingParents(path)
    this.disk.makeFolders(`${root}/${path}`.slice(0, `${root}/${path}`.lastIndexOf('/')))
    this.disk.quietly(() => this.disk.makeLink(`${root}/${path}`, target))
    this.#changed(...parents, path)
  }

  /** A FIFO, which is not synced. */
  makeOther(path: string): void {
    this.disk.makeOther(`${root}/${path}`)
    this.#changed(path)
  }

  /** Says that everything has to be looked at. */
  overflow(): void {
    this.#watcher.hint({ type: 'overflow' })
  }

  /** Path to what it is, as text, without `.p2psync`. */
  tree(): Map<string, string> {
    return this.#entries((path) => path !== '.p2psync' && !path.startsWith('.p2psync/'))
  }

  /** What lies in history. */
  history(): Map<string, string> {
    return this.#entries((path) => path.startsWith('.p2psync/history/'))
  }

  /** The names and sizes of what is staged. */
  staged(): Map<string, number> {
    const prefix = '.p2psync/staging/'
    const staged = Array.from(this.#entries((path) => path.startsWith(prefix)).keys())
    const sizeOf = (path: string): number => {
      const entry = this.disk.quietly(() => this.disk.lstat(`${root}/${path}`))
      return entry?.kind === 'file' ? entry.sizeBytes : 0
    }
    return new Map(staged.map((path) => [path.slice(prefix.length), sizeOf(path)]))
  }

  describe(): string {
    const status = this.#process?.replica.view.status()
    return JSON.stringify({ name: this.name, status, tree: [...this.tree()].map(shorten) }, null, 1)
  }

  #entries(isWanted: (path: string) => boolean): Map<string, string> {
    const tree = new Map<string, string>()
    for (const [path, entry] of this.disk.tree(root)) {
      if (!isWanted(path)) continue
      const mode = entry.kind === 'file' && (entry.mode & 0o100) !== 0 ? ' executable' : ''
      tree.set(path, `${entry.kind} ${entry.content}${entry.target}${mode}`)
    }
    return new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** A real watcher reports each new folder, not only what was put into it. */
  #missingParents(path: string): string[] {
    const segments = path.split('/')
    const parents = segments.slice(1).map((_, i) => segments.slice(0, i + 1).join('/'))
    return parents.filter((parent) => this.disk.quietly(() => this.disk.lstat(`${root}/${parent}`)) === null)
  }

  #changed(...paths: string[]): void {
    if (!this.isDeaf) this.hint(...paths)
  }

  /** What a watcher would say. */
  hint(...paths: string[]): void {
    if (!this.isDead) this.#watcher.hint({ type: 'paths', paths: paths.map(hintOfSpelled) })
  }
}

/** What ends with a process. */
interface Process {
  readonly store: ProcessStore
  readonly index: FolderIndex
  readonly tasks: DiskFileTasks
  readonly replica: FolderReplica
}

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

function removeAll(disk: MemoryDisk, path: string): void {
  if (disk.lstat(path)?.kind === 'folder') {
    for (const entry of disk.readFolder(path)) removeAll(disk, `${path}/${entry.name}`)
    disk.removeFolder(path)
  } else disk.unlink(path)
}

function shorten([path, what]: [string, string]): [string, string] {
  return [path, what.length > 60 ? `${what.slice(0, 60)}... ${what.length}` : what]
}

const isVerbose = process.env['P2PSYNC_TEST_LOG'] !== undefined

function printing(name: string): Logger {
  const print = (message: string, fields?: unknown): void => {
    const text = JSON.stringify(fields ?? {}, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    )
    process.stderr.write(`${name}: ${message} ${text.slice(0, 400)}\n`)
  }
  return { debug: print, info: print, warn: print, error: print, child: () => printing(name) }
}
