import type { DeviceId } from '../model/device-id.ts'
import { errorText, P2psyncError } from '../model/errors.ts'
import type { RescanIntervalMs } from '../model/rescan-interval.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { FolderWatcher } from '../ports/folder-watcher.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import type {
  AddFolderRequest,
  FolderAdded,
  FolderStatus,
  NodeApi,
  NodeEvent,
  NodeInfo,
  PeerStatus,
} from './node-api.ts'
import type { DeviceIdentity } from './device-identity.ts'
import { loadFolderKey } from './folder-key-file.ts'
import { deriveFolderKeys } from './folder-keys.ts'
import { folderState, type Home } from './home.ts'
import { isIndexDamage } from './index-folder.ts'
import { parseFolderKey } from './key-text.ts'
import type { Libp2pTransport } from './libp2p-transport.ts'
import type { KnownFolder } from './node-settings.ts'
import { planFolder, prepareFolder } from './open-folder.ts'
import { describePeers, type MetDevice } from './peer-view.ts'
import { RunningFolder, type FolderOptions } from './running-folder.ts'
import { SerialQueue } from './serial-queue.ts'
import type { SettingsFile } from './settings-file.ts'
import { ViewEvents } from './view-events.ts'

/** This device's node: its folders, its network, and what the control API shows and does. */
export class DeviceNode implements NodeApi {
  readonly #deps: DeviceNodeDeps
  readonly #folders: RunningFolder[] = []
  readonly #changes = new SerialQueue()
  readonly #events: ViewEvents
  readonly #met = new Map<DeviceId, MetDevice>()
  readonly #done = Promise.withResolvers<void>()
  readonly #startedAt: number
  #stopping: Promise<void> | null = null
  #failure: P2psyncError | null = null

  constructor(deps: DeviceNodeDeps) {
    this.#deps = deps
    this.#startedAt = deps.clock.now()
    this.#events = new ViewEvents({
      clock: deps.clock,
      status: () => this.#status(),
      peers: () => this.#peers(),
    })
  }

  /** Resolves when the node has stopped; rejects when it had to. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /** Starts the network and the folders that were started before. @throws {P2psyncError} `port-busy`, `bad-address`. */
  async start(): Promise<void> {
    await this.#deps.transport.start()
    const port = this.#deps.transport.port()
    await this.#deps.settings.update((settings) => ({ ...settings, port: port === 0 ? settings.port : port }))
  }

  /** Starts a folder of an earlier run. One that cannot be started is told in the log and left for the next start. */
  async resumeFolder(known: KnownFolder): Promise<void> {
    const { home, logger } = this.#deps
    try {
      const text = await loadFolderKey(folderState(home, known.id))
      if (text === null) throw new P2psyncError('bad-key', `the key of ${known.path} is gone from ${home.path}`)
      const keys = deriveFolderKeys(parseFolderKey(text))
      const marker = { folder: known.id, nonce: known.nonce }
      await this.#changes.run(async () => {
        if (this.#folders.some((folder) => folder.path === known.path)) return
        await this.#run({ path: known.path, keys, marker })
      })
    } catch (error) {
      logger.error('a folder could not be started', { path: known.path, error: errorText(error) })
      const hint = error instanceof P2psyncError ? error.hint : ''
      this.#events.warn(`${known.path} could not be started: ${errorText(error)}`, hint)
    }
  }

  info(): NodeInfo {
    const { transport, deviceName, version, home, pid } = this.#deps
    const addresses = transport.addresses()
    return {
      device: transport.device,
      name: deviceName,
      version,
      pid,
      started: this.#startedAt,
      home: home.path,
      addresses,
    }
  }

  status(): Promise<readonly FolderStatus[]> {
    return Promise.resolve(this.#status())
  }

  peers(): Promise<readonly PeerStatus[]> {
    return Promise.resolve(this.#peers())
  }

  addFolder(request: AddFolderRequest): Promise<FolderAdded> {
    return this.#changes.run(() => this.#addFolder(request))
  }

  removeFolder(path: string): Promise<void> {
    return this.#changes.run(async () => {
      const folder = this.#folderAt(path)
      this.#folders.splice(this.#folders.indexOf(folder), 1)
      await folder.close()
      await this.#deps.settings.update((settings) => ({
        ...settings,
        folders: settings.folders.filter((known) => known.path !== folder.path),
      }))
      this.#events.folderRemoved(folder.path)
    })
  }

  async folderKey(path: string): Promise<string> {
    const folder = this.#folderAt(path)
    const text = await loadFolderKey(folderState(this.#deps.home, folder.keys.folder))
    if (text === null) throw new P2psyncError('bad-key', `the key of ${path} is gone from ${this.#deps.home.path}`)
    return text
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    return this.#events.subscribe(listener)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#events.stopping()
    try {
      await this.#changes.run(async () => {
        for (const folder of this.#folders) await folder.close()
      })
      await this.#deps.transport.stop()
      await this.#deps.onStopped()
      if (this.#failure === null) this.#done.resolve()
      else this.#done.reject(this.#failure)
    } catch (error) {
      this.#done.reject(error)
    } finally {
      this.#events.stop()
    }
  }

  async #addFolder(request: AddFolderRequest): Promise<FolderAdded> {
    const { home, random, settings } = this.#deps
    const known = settings.current.folders
    const plan = await planFolder(request, { home, known, random })
    const { path, keys, marker } = plan
    const running = this.#folders.find((folder) => folder.path === path)
    if (running !== undefined && !request.relink) return { path, created: false, keyIsNew: false, key: null }
    if (running !== undefined) {
      this.#folders.splice(this.#folders.indexOf(running), 1)
      await running.close()
    }
    const tasks = this.#deps.openTasks(path)
    try {
      await prepareFolder(plan, { home, tasks })
    } finally {
      await tasks.close()
    }
    await this.#run({ path, keys, marker })
    const entry: KnownFolder = { id: keys.folder, path, nonce: marker.nonce }
    await settings.update((old) => ({
      ...old,
      folders: [...old.folders.filter((other) => other.path !== path), entry],
    }))
    return { path, created: plan.created, keyIsNew: plan.keyIsNew, key: plan.keyIsNew ? plan.keyText : null }
  }

  async #run(options: Pick<FolderOptions, 'path' | 'keys' | 'marker' | 'damage'>): Promise<void> {
    const { transport, home, logger } = this.#deps
    transport.addFolderKeys(options.keys)
    const { indexFolder } = folderState(home, options.keys.folder)
    let hasFailed = false
    const folder = await RunningFolder.open(
      { ...options, indexFolder },
      {
        ...this.#deps,
        deviceTag: this.#deps.identity.deviceTag,
        logger: logger.child({ folder: options.path }),
        onChange: () => this.#events.changed(),
        onFatal: (what, error) => {
          if (!hasFailed && isIndexDamage(error)) void this.#rebuildIndex(options.path, error)
          else if (!hasFailed) this.#onFatal(options.path, what, error)
          hasFailed = true
        },
      },
    )
    this.#folders.push(folder)
    if (folder.notice !== '') this.#events.warn(`${folder.path}: ${folder.notice}`, '')
    this.#events.changed()
  }

  /** The folder begins anew with what is on the disk. What its damaged index did until now was atomic all the same. */
  #rebuildIndex(path: string, damage: unknown): Promise<void> {
    return this.#changes
      .run(async () => {
        const folder = this.#folders.find((other) => other.path === path)
        if (folder === undefined || this.#stopping !== null) return
        this.#folders.splice(this.#folders.indexOf(folder), 1)
        await folder.close().catch(() => undefined)
        await this.#run({ path, keys: folder.keys, marker: folder.marker, damage })
      })
      .catch((error: unknown) => this.#onFatal(path, 'a new index', error))
  }

  /** A bug, or a database that fails: going on could lose data, so the node ends. */
  #onFatal(path: string, what: string, error: unknown): void {
    this.#deps.logger.error('the node cannot go on', { path, what, error: errorText(error) })
    const cause =
      error instanceof P2psyncError
        ? error
        : new P2psyncError('node-failed', `${path}: ${errorText(error)}`, {
            hint: 'Start the node again. If it ends again, run it with --log-level debug and report what it prints.',
            cause: error,
          })
    this.#failure ??= cause
    void this.stop()
  }

  #folderAt(path: string): RunningFolder {
    const folder = this.#folders.find((other) => other.path === path)
    if (folder !== undefined) return folder
    throw new P2psyncError('folder-unknown', `${path} is not synced by this node`, {
      hint: 'See the folders that are: p2psync status',
    })
  }

  #status(): FolderStatus[] {
    return this.#folders.map(({ path, keys, notice, replica }) => ({
      path,
      id: keys.folder.slice(0, 8),
      notice,
      ...replica.view.status(),
    }))
  }

  #peers(): PeerStatus[] {
    return describePeers({
      transport: this.#deps.transport,
      folders: this.#folders,
      met: this.#met,
      now: this.#deps.clock.now(),
    })
  }
}

export interface DeviceNodeDeps {
  readonly home: Home
  readonly settings: SettingsFile
  readonly identity: DeviceIdentity
  readonly deviceName: string
  readonly version: string
  readonly pid: number
  readonly transport: Libp2pTransport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly openTasks: (root: string) => FileTasks
  readonly newWatcher: () => FolderWatcher
  readonly rescanIntervalMs: RescanIntervalMs
  /** Everything of this node is closed: the last to go is what it was given. */
  readonly onStopped: () => Promise<void>
}
