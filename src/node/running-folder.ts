import { dirname, join } from 'node:path'
import { openLevelStore } from '../file-index/level-store.ts'
import type { DeviceId } from '../model/device-id.ts'
import { errorText, P2psyncError } from '../model/errors.ts'
import type { FolderId } from '../model/folder-id.ts'
import type { FolderMarker } from '../model/folder-marker.ts'
import type { FolderOrder } from '../model/folder-order.ts'
import type { HeldChanges } from '../model/guard-limits.ts'
import type { RescanIntervalMs } from '../model/rescan-interval.ts'
import type { ScrubAction, ScrubStatus } from '../model/scrub-status.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { FolderWatcher } from '../ports/folder-watcher.ts'
import type { KeyValueStore } from '../ports/key-value-store.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import type { Transport } from '../ports/transport.ts'
import type { OtherFolder, OtherFolders } from './blocks-elsewhere.ts'
import { bootNotesIn } from './boot-notes.ts'
import type { GuardOptions } from './folder-guard.ts'
import type { FolderKeys } from './folder-keys.ts'
import { FolderReplica } from './folder-replica.ts'
import type { PeerThrottles } from './folder-replica-deps.ts'
import type { FolderView } from './folder-view.ts'
import { isIndexDamage, openIndex, setIndexAside } from './index-folder.ts'
import type { HeldDecision } from './node-api.ts'
import { damageNotesIn } from './known-damage.ts'
import { lockFolder } from './open-folder.ts'
import { PausedFolder, pausedStatus } from './paused-folder.ts'
import type { ScrubFolder } from './scrub-folder.ts'
import { scrubNotesIn } from './scrub-notes.ts'
import { renewDatabase } from './restored-database.ts'
import { scrubReplica } from './scrub-replica.ts'
import { ToldLosses, toldLossesIn } from './told-losses.ts'

/** A folder that is being synced, with all that has to be closed after it. */
export class RunningFolder {
  readonly path: string
  readonly keys: FolderKeys
  readonly marker: FolderMarker
  readonly order: FolderOrder
  /** What a person should know of how it was opened; '' for nothing. */
  readonly notice: string
  readonly replica: FolderReplica
  readonly #tasks: FileTasks
  readonly #stores: readonly Closable[]
  readonly #paused: PausedFolder | null
  /** Null while the folder is paused. */
  readonly #scrub: ScrubFolder | null
  #countingAnew: Promise<void> = Promise.resolve()

  private constructor(options: FolderOptions & { notice: string }, parts: OpenParts) {
    this.path = options.path
    this.keys = options.keys
    this.marker = options.marker
    this.order = options.order
    this.notice = options.notice
    this.replica = parts.replica
    this.#tasks = parts.tasks
    this.#stores = parts.stores
    this.#paused = parts.paused
    this.#scrub = parts.scrub
  }

  get isPaused(): boolean {
    return this.#paused !== null
  }

  /** What the other folders of this node may ask it for, unless it is paused. */
  get asOther(): OtherFolder {
    return { index: this.replica.index, tasks: this.#tasks }
  }

  status(): ReturnType<FolderView['status']> {
    if (this.#scrub === null) return pausedStatus(this.replica.view)
    return { ...this.replica.view.status(), scrub: this.#scrub.status() }
  }

  /** Begins to read all files again, ends that, or says how often it is to begin by itself. @throws {P2psyncError} `usage` while the folder is paused. */
  changeScrub(action: ScrubAction): ScrubStatus {
    if (this.#scrub === null) throw this.#isNotNow()
    this.#scrub.change(action)
    return this.#scrub.status()
  }

  /** @throws {P2psyncError} `usage` when nothing is held, or the folder is paused. */
  async decideHeld(decision: HeldDecision): Promise<readonly HeldChanges[]> {
    if (this.isPaused) throw this.#isNotNow()
    const { guard } = this.replica
    return decision === 'approve' ? guard.approve() : guard.reject()
  }

  #isNotNow(): P2psyncError {
    return new P2psyncError('usage', `${this.path} is paused`, { hint: `Go on first: p2psync resume ${this.path}` })
  }

  /**
   * Opens lock and index and starts the replica, unless the folder is paused. A damaged index, also one that was found to be when it was open before
   * (`damage` says how), is set aside and begun anew from the disk: nothing is taken for deleted.
   *
   * @throws {P2psyncError} `folder-busy` when another node has the folder, `index-failed`.
   */
  static async open(options: FolderOptions, deps: RunningFolderDeps): Promise<RunningFolder> {
    let damage: unknown = options.damage
    if (damage === undefined) {
      try {
        return await RunningFolder.#open({ ...options, notice: '' }, deps)
      } catch (error) {
        if (!isIndexDamage(error)) throw error
        damage = error
      }
    }
    const aside = await setIndexAside(options.indexFolder, deps.clock.now())
    deps.logger.error('the index is damaged: it is set aside and made anew', { aside, error: errorText(damage) })
    const kept = aside === null ? '' : ` The old one is kept for now: ${aside}`
    const notice = `the index was damaged and is built anew from the files; nothing is deleted.${kept}`
    return RunningFolder.#open({ ...options, notice }, deps)
  }

  static async #open(options: FolderOptions & { notice: string }, deps: RunningFolderDeps): Promise<RunningFolder> {
    const { path, keys, marker, order } = options
    const stores: Closable[] = []
    const tasks = deps.openTasks(path)
    const failures = new EarlyFailures(deps.onFatal)
    const { onFatal } = failures
    try {
      // A folder on a disk that is not mounted cannot be locked: its index still can.
      if ((await tasks.readMarker()) !== null) stores.push(await lockFolder(path, openLevelStore))
      const onDamaged = (error: unknown): void => onFatal('the index', error)
      const index = await openIndex(options.indexFolder, { ...deps, openStore: openLevelStore, onDamaged })
      // The index, not its store: it notes that it was closed in order, and need not be checked as a whole next time.
      stores.push(index)
      const { folder } = keys
      const throttles = (peer: DeviceId): PeerThrottles => deps.throttles(peer, folder)
      const state = dirname(options.indexFolder)
      const bootNotes = bootNotesIn(join(state, 'boot.json'))
      const damageNotes = damageNotesIn(join(state, 'damage.json'))
      const toldLosses = await ToldLosses.open({ notes: toldLossesIn(join(state, 'guard.json')), logger: deps.logger })
      const replica = new FolderReplica({
        ...deps,
        bootNotes,
        damageNotes,
        toldLosses,
        folder,
        path,
        marker,
        order,
        index,
        tasks,
        throttles,
        onFatal,
      })
      const opened = { ...deps, folder, view: replica.view, onFatal }
      const paused = options.paused ? await PausedFolder.open(opened) : null
      const notes = scrubNotesIn(join(state, 'scrub.json'))
      const scrub = paused === null ? scrubReplica(replica, { ...deps, tasks, notes }) : null
      await scrub?.load()
      if (paused === null) await startOrStop(replica)
      await scrub?.start()
      failures.pass()
      return new RunningFolder(options, { replica, tasks, stores, paused, scrub })
    } catch (error) {
      await closeAll(tasks, stores).catch(() => undefined)
      throw error
    }
  }

  /**
   * Gives what this process and those before it that told nobody have recorded versions of a writer that only this process knows: another process may have
   * counted as the same one until now. What fails is fatal.
   */
  countAnew(onFatal: RunningFolderDeps['onFatal']): void {
    const { index, commits, told, recovery } = this.replica
    const renewed = commits.run(() => renewDatabase(index, told.openedAtSeq, () => undefined))
    this.#countingAnew = renewed.then(() => recovery.onRenewed()).catch((error: unknown) => onFatal('the index', error))
  }

  async close(): Promise<void> {
    await this.#paused?.leave()
    await this.#scrub?.stop()
    await this.replica.stop()
    await this.#countingAnew
    await this.#paused?.done()
    await closeAll(this.#tasks, this.#stores)
  }
}

interface OpenParts {
  readonly replica: FolderReplica
  readonly tasks: FileTasks
  readonly stores: readonly Closable[]
  readonly paused: PausedFolder | null
  readonly scrub: ScrubFolder | null
}

export interface FolderOptions {
  readonly path: string
  readonly keys: FolderKeys
  readonly marker: FolderMarker
  readonly order: FolderOrder
  readonly paused: boolean
  readonly indexFolder: string
  /** Why the index that is there cannot be used. */
  readonly damage?: unknown
}

export interface RunningFolderDeps {
  readonly deviceName: string
  readonly deviceTag: Uint8Array
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly openTasks: (root: string) => FileTasks
  readonly otherFolders?: OtherFolders
  readonly newWatcher: () => FolderWatcher
  readonly guard?: GuardOptions
  readonly rescanIntervalMs: RescanIntervalMs
  readonly throttles: (peer: DeviceId, folder: FolderId) => PeerThrottles
  readonly onChange: () => void
  readonly onFatal: (what: string, error: unknown) => void
}

async function startOrStop(replica: FolderReplica): Promise<void> {
  try {
    await replica.start()
  } catch (error) {
    await replica.stop()
    throw error
  }
}

/** What fails while a folder is being opened is told once it is open: whoever opens it may yet give it up. */
class EarlyFailures {
  readonly #onFatal: RunningFolderDeps['onFatal']
  #early: Parameters<RunningFolderDeps['onFatal']>[] | null = []

  constructor(onFatal: RunningFolderDeps['onFatal']) {
    this.#onFatal = onFatal
  }

  readonly onFatal: RunningFolderDeps['onFatal'] = (what, error) => {
    if (this.#early === null) this.#onFatal(what, error)
    else this.#early.push([what, error])
  }

  pass(): void {
    const early = this.#early ?? []
    this.#early = null
    for (const failure of early) this.#onFatal(...failure)
  }
}

type Closable = Pick<KeyValueStore, 'close'>

async function closeAll(tasks: FileTasks, stores: readonly Closable[]): Promise<void> {
  await tasks.close()
  await closeStores(stores)
}

/** The lock goes last, and goes whatever became of the index. */
async function closeStores(stores: readonly Closable[]): Promise<void> {
  const last = stores.at(-1)
  if (last === undefined) return
  try {
    await last.close()
  } finally {
    await closeStores(stores.slice(0, -1))
  }
}
