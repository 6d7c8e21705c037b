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
import type { DamageNotes } from '../../src/node/known-damage.ts'
import type { FolderReplicaDeps } from '../../src/node/folder-replica-deps.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { KeyValueStore, StoreEntry } from '../../src/ports/key-value-store.ts'
import { unlimited } from '../../src/ports/throttle.ts'
import { hintOfSpelled } from '../../src/watcher/hint-path.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { printingLogger } from '../twins/printing-logger.ts'
import { dumpStore, ProcessStore, restoreStore } from '../twins/process-store.ts'
import { DeviceFolder, root } from './device-folder.ts'
import { HandWatcher } from './hand-watcher.ts'
import type { ReplicaWorld } from './replica-world.ts'
import { MemoryNote } from '../twins/memory-note.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import type { NoteFile } from '../../src/node/note-file.ts'
import { ToldLosses, type ToldLossesNote } from '../../src/node/told-losses.ts'

const usualFolder = parseFolderId('ab'.repeat(32))

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
  /** By default what is damaged is not remembered over a restart. */
  readonly damageNotes?: DamageNotes
  /** By default one in memory behind the product's own class. */
  readonly newStore?: () => KeyValueStore
  /** Is called before each of its processes begins to sync. */
  readonly beforeStart?: (device: WorldDevice) => Promise<void>
  /** The file tasks of each of its processes; by default nothing but these. */
  readonly newTasks?: (deps: { disk: MemoryDisk; root: string }) => DiskFileTasks
}

/** One device of a {@link ReplicaWorld}: a disk and a database that outlive its process, and what its user does. */
export class WorldDevice extends DeviceFolder {
  readonly disk: MemoryDisk
  readonly name: string
  readonly id: DeviceId
  /** What its clock, and that of its disk, is off by. */
  clockOffMs: number
  isDead = false
  /** Where the node remembers what is held. */
  stateDiskIsFull = false
  readonly #world: ReplicaWorld
  readonly #options: DeviceOptions
  readonly #clock: Clock
  #store: KeyValueStore
  #held: readonly HeldChanges[] = []
  readonly #toldNotes = new MemoryNote<ToldLossesNote>()
  #watcher = new HandWatcher()
  #process: Process | null = null

  constructor(world: ReplicaWorld, name: string, id: DeviceId, options: DeviceOptions) {
    super()
    this.#world = world
    this.#options = options
    this.#store = (options.newStore ?? memoryStore)()
    this.name = name
    this.id = id
    this.clockOffMs = options.clockOffMs ?? 0
    this.#clock = world.clock.view(() => this.clockOffMs)
    const { ignoresCase = false } = options
    // No two kernels tick in the same nanosecond, and none right on the second.
    const tickNs = BigInt(world.devices.length + 1) * 10_000n
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
    const { newTasks = (deps) => new DiskFileTasks(deps), bootNotes, damageNotes } = this.#options
    const { draftBytesMin, removedRowsMin } = this.#options
    const tasks = newTasks({ disk: this.disk, root })
    if ((await tasks.readMarker()) === null) await tasks.prepareRoot(marker)
    const store = new ProcessStore(this.#store)
    const { random } = this.#world
    const index = await FolderIndex.open(store, { deviceTag: deviceTagOf(this.id), random })
    const notes: NoteFile<ToldLossesNote> = {
      load: () => this.#toldNotes.load(),
      save: async (note) => {
        if (!this.isDead) await this.#toldNotes.save(note)
      },
    }
    const toldLosses = await ToldLosses.open({ notes, logger: silentLogger })
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
      ...(damageNotes === undefined ? {} : { damageNotes }),
      ...(draftBytesMin === undefined ? {} : { draftBytesMin }),
      ...(removedRowsMin === undefined ? {} : { removedRowsMin }),
      toldLosses,
      guard: {
        limits: this.#options.guardLimits === undefined ? defaultGuard : this.#options.guardLimits,
        held: this.#held,
        onHeld: async (held) => {
          if (this.stateDiskIsFull) throw new Error('no space left on the disk')
          if (!this.isDead) this.#held = held
        },
      },
      throttles: this.#options.throttles ?? (() => ({ up: unlimited, down: unlimited })),
      order: noOrder,
      transport: this.#world.network.transport(this.id),
      clock: this.#clock,
      random,
      logger: printingLogger(this.name),
      onChange: () => undefined,
      onFatal: (what, error) => {
        if (this.#process?.store !== store || this.isDead) return
        this.#world.failures.push(`${this.name}: ${what}: ${error instanceof Error ? error.stack : String(error)}`)
      },
    })
    this.#process = { store, index, tasks, replica }
    await this.#options.beforeStart?.(this)
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

  /** Says that everything has to be looked at. */
  overflow(): void {
    this.#watcher.hint({ type: 'overflow' })
  }

  describe(): string {
    const status = this.#process?.replica.view.status()
    return JSON.stringify({ name: this.name, status, tree: [...this.tree()].map(shorten) }, null, 1)
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

function shorten([path, what]: [string, string]): [string, string] {
  return [path, what.length > 60 ? `${what.slice(0, 60)}... ${what.length}` : what]
}
