import type { DeviceId } from '../model/device-id.ts'
import { errorText, P2psyncError } from '../model/errors.ts'
import type { GuardLimits, HeldChanges } from '../model/guard-limits.ts'
import type { RescanIntervalMs } from '../model/rescan-interval.ts'
import type { ScrubAction, ScrubStatus } from '../model/scrub-status.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { FolderWatcher } from '../ports/folder-watcher.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import { formatWallTime, parseTimetable } from '../transfer/limit-timetable.ts'
import type { ScheduledLimits } from '../transfer/scheduled-limits.ts'
import type {
  AddFolderRequest,
  FolderAdded,
  FolderStatus,
  HeldDecision,
  LimitChange,
  LimitsStatus,
  NodeApi,
  NodeEvent,
  NodeInfo,
  PausedPeer,
  PeerStatus,
} from './node-api.ts'
import type { DeviceIdentity } from './device-identity.ts'
import { loadFolderKey } from './folder-key-file.ts'
import { folderState, type Home } from './home.ts'
import { NodeFolders } from './node-folders.ts'
import type { Libp2pTransport } from './libp2p-transport.ts'
import type { KnownFolder } from './node-settings.ts'
import { stoppedByTwin } from './stopped-by-twin.ts'
import { setPeerPaused } from './pause-peer.ts'
import { describePeers, type MetDevice } from './peer-view.ts'
import type { SettingsFile } from './settings-file.ts'
import { ViewEvents } from './view-events.ts'

/** This device's node: its folders, its network, and what the control API shows and does. */
export class DeviceNode implements NodeApi {
  readonly #deps: DeviceNodeDeps
  readonly #folders: NodeFolders
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
    deps.transport.onTwin = () => {
      this.#folders.onTwin()
      this.#events.changed()
    }
    this.#folders = new NodeFolders({
      ...deps,
      onChange: () => this.#events.changed(),
      onRemoved: (path) => this.#events.folderRemoved(path),
      onWarning: (message, hint) => this.#events.warn(message, hint),
      onFatal: (path, what, error) => this.#onFatal(path, what, error),
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
    try {
      await this.#folders.resume(known)
    } catch (error) {
      this.#deps.logger.error('a folder could not be started', { path: known.path, error: errorText(error) })
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
    return this.#folders.add(request)
  }

  removeFolder(path: string): Promise<void> {
    return this.#folders.remove(path)
  }

  setFolderPaused(path: string, paused: boolean): Promise<void> {
    return this.#folders.setPaused(path, paused)
  }

  decideHeld(path: string, decision: HeldDecision): Promise<readonly HeldChanges[]> {
    return this.#folders.decideHeld(path, decision)
  }

  setGuard(path: string, limits: GuardLimits): Promise<void> {
    return this.#folders.setGuard(path, limits)
  }

  setPeerPaused(peer: string, paused: boolean): Promise<PausedPeer> {
    const { settings, transport } = this.#deps
    const onChanged = (device: DeviceId): void => {
      transport.pauseChanged(device)
      this.#events.changed()
    }
    const met = Array.from(this.#met, ([id, { name }]) => ({ device: id, name }))
    return setPeerPaused({ settings, peers: [...met, ...this.#peers()], onChanged }, peer, paused)
  }

  async scrub(path: string, action: ScrubAction): Promise<ScrubStatus> {
    return this.#folders.at(path).changeScrub(action)
  }

  limits(): Promise<LimitsStatus> {
    const { limits, choice, next } = this.#deps.limits.now()
    return Promise.resolve({
      now: limits,
      otherwise: { up: choice.up, down: choice.down },
      schedule: choice.schedule,
      until: next === null ? null : formatWallTime(next),
    })
  }

  async setLimits(change: LimitChange): Promise<LimitsStatus> {
    const { settings, limits } = this.#deps
    parseTimetable(change.schedule ?? [])
    await settings.update((old) => ({ ...old, limits: { ...old.limits, ...change } }))
    limits.choose(settings.current.limits)
    return this.limits()
  }

  async folderKey(path: string): Promise<string> {
    const folder = this.#folders.at(path)
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
      this.#deps.transport.close()
      await this.#folders.close()
      this.#deps.limits.stop()
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

  #status(): FolderStatus[] {
    const { home, transport } = this.#deps
    return this.#folders.running.map((folder) => ({
      path: folder.path,
      id: folder.keys.folder.slice(0, 8),
      notice: folder.notice,
      order: folder.order,
      ...folder.status(),
      ...(transport.twin === null || folder.isPaused ? {} : stoppedByTwin(transport.twin, home)),
    }))
  }

  #peers(): PeerStatus[] {
    return describePeers({
      transport: this.#deps.transport,
      folders: this.#folders.running,
      met: this.#met,
      paused: this.#deps.settings.current.pausedPeers,
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
  readonly limits: ScheduledLimits
  /** Everything of this node is closed: the last to go is what it was given. */
  readonly onStopped: () => Promise<void>
}
