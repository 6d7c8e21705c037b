import type { FolderIndex, RowChange } from '../file-index/folder-index.ts'
import type { DeviceId } from '../model/device-id.ts'
import { errorText } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { FolderMove } from '../model/folder-move.ts'
import type { FolderTransport } from '../ports/transport.ts'
import { ChangeCommitter } from './change-committer.ts'
import { DirtyPaths } from './dirty-paths.ts'
import { FolderDrafts } from './folder-drafts.ts'
import { FolderGuard } from './folder-guard.ts'
import { FolderPeers } from './folder-peers.ts'
import { FolderRecovery } from './folder-recovery.ts'
import { FolderProblems } from './folder-problems.ts'
import { FolderPresence } from './folder-presence.ts'
import type { FolderReplicaDeps } from './folder-replica-deps.ts'
import { FolderView } from './folder-view.ts'
import { FolderWatch } from './folder-watch.ts'
import { GuardDecisions } from './guard-decisions.ts'
import { isIndexDamage } from './index-folder.ts'
import { KnownDamage } from './known-damage.ts'
import { ForgetTombstones } from './forget-tombstones.ts'
import { LocalChanges } from './local-changes.ts'
import { LookFailures } from './look-failures.ts'
import { RemoteChanges } from './remote-changes.ts'
import { finishRenewal, renewDatabase } from './restored-database.ts'
import { replicaState } from './replica-state.ts'
import { Rescan } from './rescan.ts'
import { SecondLooks } from './second-looks.ts'
import { SerialQueue } from './serial-queue.ts'
import { Settling } from './settling.ts'
import type { SessionHost } from './session-host.ts'
import type { ReplicaState } from './sync-messages.ts'
import { ToldLog } from './told-log.ts'
import { trimHistory } from './trim-history.ts'
import { UnflushedNames } from './unflushed-names.ts'

/** So long the first scan waits for the watcher. */
const watchPatienceMs = 1000

/**
 * One synced folder on this device: watches and scans it, keeps its index, and brings it and its peers to the same
 * state. Owns nothing that it was given: whoever opened index, tasks and transport closes them.
 */
export class FolderReplica implements SessionHost {
  readonly index: FolderIndex
  readonly deviceName: string
  readonly drafts: FolderDrafts
  readonly view: FolderView
  readonly peers: FolderPeers
  readonly told: ToldLog
  readonly guard: GuardDecisions
  readonly recovery: FolderRecovery
  readonly looks: SecondLooks
  readonly #deps: FolderReplicaDeps
  readonly #stopping = new AbortController()
  readonly commits = new SerialQueue()
  readonly #presence: FolderPresence
  readonly #dirty: DirtyPaths
  readonly #watch: FolderWatch
  readonly #problems = new FolderProblems()
  readonly #settling: Settling
  readonly #rescan: Rescan
  readonly #local: LocalChanges
  readonly #remote: RemoteChanges
  readonly #forgetting: ForgetTombstones
  readonly #guard: FolderGuard
  readonly #failures: LookFailures
  readonly #background = new Set<Promise<void>>()
  #transport: FolderTransport | null = null
  #scanned = false
  #scanning = false
  #examining = false

  constructor(deps: FolderReplicaDeps) {
    this.#deps = deps
    this.index = deps.index
    this.told = new ToldLog(deps.index)
    this.deviceName = deps.deviceName
    const { signal } = this.#stopping
    const isPaused = (): boolean => !this.#scanned || this.#presence.isMissing
    const shared = { ...deps, signal, isPaused, needs: () => this.#remote.needs, peers: () => this.peers }
    this.drafts = new FolderDrafts(shared)
    this.#failures = new LookFailures(shared)
    const onChange = (): void => this.onChange()
    this.#guard = new FolderGuard({ ...deps, filesNow: () => this.index.summary.files, onChange })
    this.#dirty = new DirtyPaths({ clock: deps.clock, signal })
    const common = {
      ...shared,
      onChange,
      dirty: this.#dirty,
      isBusy: () => this.#isBusy(),
      guard: this.#guard,
      drafts: this.drafts,
      commits: this.commits,
      problems: this.#problems,
      unflushed: new UnflushedNames(deps),
      isFolderThere: () => this.#presence.check(),
      mayHaveLostPower: () => this.recovery.mayHaveLostPower,
      isReceiving: () => this.peers.sessions.some((session) => session.isReceiving),
      onCommit: (changes: readonly RowChange[]) => this.#onCommit(changes),
      damage: new KnownDamage(deps),
      onFailed: (error: unknown) => this.#onFailed(error),
    }
    this.looks = new SecondLooks(common)
    const parts = { ...common, looks: this.looks }
    this.#forgetting = new ForgetTombstones(parts)
    this.recovery = new FolderRecovery({ ...parts, onForgetting: () => this.#forgetting.onForgetting() })
    this.#presence = new FolderPresence({
      ...deps,
      signal,
      onChange,
      // Whoever found it missing has given up what it was looking at.
      onFound: () => this.#dirty.addAll(),
      onBack: () => this.#watch.start(),
    })
    this.#rescan = new Rescan({ ...parts, intervalMs: deps.rescanIntervalMs, onDue: () => this.#lookAround() })
    this.#settling = new Settling(deps.clock)
    this.#local = new LocalChanges({ ...parts, settling: this.#settling })
    const onDiskTrouble = (code: string): void => this.#presence.onDiskTrouble(code)
    this.#remote = new RemoteChanges({
      ...parts,
      forgetting: this.#forgetting,
      committer: new ChangeCommitter({ ...parts, onStepFailed: onDiskTrouble }),
      onProgress: () => this.onChange(),
      onForgotten: () => this.onRestoredDatabase(),
      onDiskTrouble,
    })
    this.peers = new FolderPeers({
      ...parts,
      device: deps.transport.device,
      host: this,
      transport: () => this.#transport!,
      onReceived: (bytes) => this.view.received.add(bytes),
      onPeerGone: (device) => this.#remote.dropSource(device),
    })
    this.guard = new GuardDecisions(parts)
    this.view = new FolderView({
      ...parts,
      needs: this.#remote.needs,
      peers: this.peers,
      isScanning: () => this.#scanning || !this.#scanned,
      trouble: () => this.#presence.trouble,
    })
    this.#watch = new FolderWatch({
      ...deps,
      signal,
      dirty: this.#dirty,
      isMissing: () => this.#presence.isMissing,
      onProblem: (problem) => {
        this.#rescan.setBlind(problem !== '')
        this.view.watchProblem = problem
      },
    })
  }

  /** Recovers what a killed node left, starts to watch, scan and sync, and returns without waiting for the first scan. */
  async start(): Promise<void> {
    await this.#forgetting.load()
    await this.told.load()
    await finishRenewal(this.index)
    if (await this.#presence.check()) {
      await this.recovery.recover()
      await this.#trimHistory()
    }
    this.#transport = await this.#deps.transport.join(this.#deps.folder, this.peers)
    // A first scan has much to tell; that of a restart can wait until it need not be done twice.
    const isFirst = this.index.summary.entries === 0
    this.#inBackground('watch', () => this.#watch.startWithin(isFirst ? 0 : watchPatienceMs))
    this.#inBackground('conflicts', () => this.view.countConflicts())
    this.#inBackground('local changes', () => this.#localLoop())
    this.#inBackground('remote changes', () => this.#remote.run())
    this.#inBackground('forgetting', () => this.#forgetting.run(() => this.#scanned))
    this.#inBackground('rescan', () => this.#rescan.run())
    this.#inBackground('missing folder', () => this.#presence.run())
    this.#inBackground('change guard', () => this.guard.run())
    this.#inBackground('second looks', () => this.looks.run())
    this.#inBackground('boot note', () => this.recovery.run())
  }

  /** Stops and waits until nothing is being written. */
  async stop(): Promise<void> {
    for (const session of this.peers.sessions) await session.saveProgress().catch(() => undefined)
    this.#stopping.abort()
    await this.#transport?.leave()
    this.peers.stop()
    await this.#watch.stop()
    await Promise.allSettled(this.#background)
    await this.commits.run(async () => undefined)
  }

  state(): ReplicaState {
    return replicaState({ index: this.index, needs: this.#remote.needs }, this.#isBusy())
  }

  receive(peer: DeviceId, records: readonly FileRecord[], signal: AbortSignal): Promise<number> {
    return this.#remote.receive(peer, records, signal)
  }

  countDeclined(records: readonly FileRecord[]): Promise<number> {
    return this.#forgetting.countDeclined(records)
  }

  takeMove(move: FolderMove): Promise<boolean> {
    return this.#remote.takeMove(move)
  }

  isSettledWith(peer: DeviceId, options?: { readonly orHeld: boolean }): boolean {
    return !this.#remote.needs.hasSource(peer, options)
  }

  async onRestoredDatabase(): Promise<void> {
    this.#deps.logger.warn('the database is an old one that was put back: it counts anew from here')
    await this.commits.run(() => renewDatabase(this.index, this.told.openedAtSeq, (changes) => this.#onCommit(changes)))
    await this.recovery.onRenewed()
    await this.#guard.outgoing.letLookPass()
    this.#dirty.addAll()
  }

  onChange(): void {
    this.#remote.wake()
    for (const session of this.peers.sessions) session.wake()
    this.#deps.onChange()
  }

  #isBusy(): boolean {
    return (
      this.#scanning ||
      this.#examining ||
      this.#forgetting.isRunning ||
      !this.#scanned ||
      !this.#dirty.isEmpty ||
      this.#settling.isHolding
    )
  }

  #onCommit(changes: readonly RowChange[]): void {
    this.guard.onCommitted(changes)
    this.looks.onCommitted(changes)
    this.view.onCommit(changes)
    for (const session of this.peers.sessions) session.wake(changes)
    this.onChange()
  }

  async #localLoop(): Promise<void> {
    for (let batch = await this.#dirty.take(); batch !== null; batch = await this.#dirty.take()) {
      if (this.#presence.isMissing) continue
      this.#examining = true
      this.#scanning = batch.type === 'all'
      try {
        // What a power cut has taken is not to be found gone.
        if (!(await this.recovery.recover())) continue
        const done = batch.type === 'all' ? await this.#scanAll() : await this.#local.examine(batch.paths)
        if (done && batch.type === 'all') this.#scanned = true
      } catch (error) {
        this.#onFailed(error)
        if (!this.#stopping.signal.aborted) void this.#onLocalFailed(error)
      } finally {
        this.#examining = false
        this.#scanning = false
        this.onChange()
      }
    }
  }

  async #scanAll(): Promise<boolean> {
    this.#problems.clearAll()
    const beganMs = this.#deps.clock.monotonic()
    const done = await this.#guard.outgoing.during(() => this.#local.scanAll())
    if (done) this.#settling.forgetUnseenSince(beganMs)
    if (done) this.#presence.onDiskWorks()
    return done
  }

  /** What fails is tried again, but not with a damaged index. */
  #onFailed(error: unknown): void {
    if (isIndexDamage(error)) this.#deps.onFatal('the index', error)
  }

  /** Looks at everything by and by: nothing was published of what could not be read. */
  async #onLocalFailed(error: unknown): Promise<void> {
    this.#presence.onDiskTrouble(errorText(error))
    await this.#failures.onFailed(error, () => this.#dirty.addAll())
  }

  async #lookAround(): Promise<void> {
    this.#dirty.addAll()
    await this.#trimHistory()
  }

  async #trimHistory(): Promise<void> {
    if (await this.#forgetting.trustsClock()) await trimHistory(this.#deps)
  }

  #inBackground(what: string, work: () => Promise<void>): void {
    const done = work()
      .catch((error: unknown) => this.#deps.onFatal(what, error))
      .finally(() => this.#background.delete(done))
    this.#background.add(done)
  }
}
