import { isResumableName, stagedNameFor } from '../blocks/staged-name.ts'
import type { IndexRow } from '../file-index/folder-index.ts'
import type { DeviceId } from '../model/device-id.ts'
import { errorText, systemCode } from '../model/errors.ts'
import type { FolderMove } from '../model/folder-move.ts'
import type { FolderOrder } from '../model/folder-order.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { Random } from '../ports/random.ts'
import type { ChangeCommitter } from './change-committer.ts'
import type { FetchFile } from './fetch-groups.ts'
import { FileFetcher, type FileFetcherDeps } from './file-fetcher.ts'
import type { FolderDrafts } from './folder-drafts.ts'
import type { ForgetTombstones } from './forget-tombstones.ts'
import { noteTold, withoutHeld, workOf } from './guard-incoming.ts'
import { isKnownOf, settledBy } from './need-sources.ts'
import { costOf, type Need } from './need.ts'
import { Needs } from './needs.ts'
import { pairMoves } from './pair-moves.ts'
import type { PeerClients } from './peer-fetches.ts'
import { rowsForTold, type ToldRowsDeps } from './told-rows.ts'
import { discardRemains, StagedLeftovers } from './staged-remains.ts'
import { takeMove, type TakeMoveDeps } from './take-move.ts'
import type { Work } from './work.ts'

/** Jobs at once: one is fetched while another is applied, and a large file does not hold up small ones. */
const jobsMax = 3
const retryMsMin = 100
const retryMsMax = 60_000
/** Smaller files begin anew when a try fails: going on would cost more than it saves. */
const resumedBytesMin = 1024 * 1024
/** The disk is full or broken: nothing is tried before so long. */
const diskTroublePauseMs = 10_000

/**
 * What peers hold and this disk does not yet: decided, fetched into staging, and handed to the committer, in jobs of
 * many files or one large one.
 */
export class RemoteChanges {
  readonly needs: Needs
  readonly #deps: RemoteChangesDeps
  readonly #fetcher: FileFetcher
  readonly #needOf = new Map<string, Need>()
  #wake: (() => void) | null = null
  #roomWaiters: (() => void)[] = []
  #pausedUntil = 0
  /** No other run of this node has used it. */
  readonly #stagedPrefix: string
  #stagedCount = 0
  readonly #leftovers: StagedLeftovers

  constructor(deps: RemoteChangesDeps) {
    this.#deps = deps
    this.#stagedPrefix = Buffer.from(deps.random.bytes(12)).toString('hex')
    this.needs = new Needs(deps)
    this.#leftovers = new StagedLeftovers(deps)
    this.#fetcher = new FileFetcher({
      ...deps,
      drafts: deps.drafts.remote,
      onStaged: (file, bytes) => {
        const need = this.#needOf.get(file.staged)
        if (need !== undefined) this.needs.staged(need, bytes)
      },
    })
  }

  /**
   * Notes what is new in a peer's records, unless `signal` is aborted by then: the peer is gone. Resolves when there is
   * room for more, to how many were new.
   */
  async receive(peer: DeviceId, records: readonly FileRecord[], signal: AbortSignal): Promise<number> {
    const rows = await rowsForTold(records, this.#deps)
    if (signal.aborted) return 0
    let news = 0
    let hasLost = false
    for (const [i, record] of records.entries()) {
      const row = rows[i] ?? null
      const decision = this.#deps.forgetting.decide(row?.record ?? null, record)
      if (decision.action === 'nothing') {
        if (settledBy(this.needs, record, peer)) hasLost = true
        continue
      }
      if (row === null) await this.#deps.forgetting.onTaken(record)
      // Nobody would ever take a device that has gone meanwhile off what it told.
      if (signal.aborted) break
      if (!isKnownOf(this.needs, record, peer)) news++
      noteTold(this.#deps.guard, row, decision)
      if (this.needs.add(record, peer, costOf(record, row))) hasLost = true
    }
    // What is being fetched of an older version may be had of nobody now.
    if (hasLost) this.#fetcher.sourceGone()
    this.wake()
    while (this.needs.isFull && !this.#deps.signal.aborted && !signal.aborted) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve))
    }
    return news
  }

  /** See {@link takeMove}. */
  takeMove(move: FolderMove): Promise<boolean> {
    return takeMove({ ...this.#deps, needs: this.needs }, move)
  }

  /** A device is gone, and with it what it held. */
  dropSource(device: DeviceId): void {
    this.needs.dropSource(device)
    this.#fetcher.sourceGone()
  }

  /** Something changed that may let a waiting need go on. */
  wake(): void {
    this.#fetcher.wake()
    this.#wake?.()
    for (const resolve of this.#roomWaiters.splice(0)) resolve()
  }

  /** Works until the signal is aborted. */
  async run(): Promise<void> {
    const { clock, signal } = this.#deps
    const running = new Set<Promise<void>>()
    signal.addEventListener('abort', () => this.wake(), { once: true })
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const now = clock.monotonic()
      const mayWork = running.size < jobsMax && now >= this.#pausedUntil && !this.#deps.isPaused()
      const removals = !this.#deps.isReceiving() || this.needs.isFull
      const job = mayWork ? this.needs.takeJob(now, { removals }) : []
      if (job.length > 0) {
        const done = this.#runJob(job).finally(() => {
          running.delete(done)
          this.wake()
          this.#deps.onProgress()
        })
        running.add(done)
        continue
      }
      await this.#idle(woken, now)
    }
    await Promise.allSettled([...running, this.#deps.drafts.remote.stop()])
  }

  /** Waits for `woken` or for the time at which something may be tried again. */
  async #idle(woken: Promise<void>, now: number): Promise<void> {
    // After a pause there may be what could have been tried before: the next retry may be an hour away.
    const until = now < this.#pausedUntil ? this.#pausedUntil : this.needs.nextRetryAt(now)
    if (until === null) return woken
    const timer = new AbortController()
    const signal = AbortSignal.any([timer.signal, this.#deps.signal])
    const rest = this.#deps.clock.sleep(Math.max(until - now, 1), signal).catch(() => undefined)
    await Promise.race([woken, rest])
    timer.abort()
  }

  async #runJob(job: readonly Need[]): Promise<void> {
    const staged = new Map<Need, string>()
    try {
      const rows = await this.#deps.index.getMany(job.map((need) => need.record.path))
      const told: Work[] = []
      const files = new Map<Work, FetchFile>()
      for (const [i, need] of job.entries()) {
        const row = rows[i] ?? null
        const decision = this.#deps.forgetting.decide(row?.record ?? null, need.record)
        const item = await workOf({ need, row, decision }, this.#deps)
        if (item === null) this.#onSettled(need)
        else told.push({ need, ...item, staged: null, blockList: null, movedFrom: null })
      }
      const work = await withoutHeld(told, { ...this.#deps, needs: this.needs })
      pairMoves(work)
      for (const item of work) {
        const { need, decision, row } = item
        const takes = decision.action === 'take' || decision.action === 'take-keeping-copy'
        if (!takes || need.record.kind !== 'file' || item.movedFrom !== null) continue
        item.staged = this.#stagedName(need.record)
        staged.set(need, item.staged)
        this.#needOf.set(item.staged, need)
        const local = localFile(row)
        files.set(item, { record: need.record, sources: need.sources, staged: item.staged, local })
      }
      const ready = await this.#stage(work, files)
      if (ready.length === 0) return
      const done = await this.#deps.commits.run(() => this.#deps.committer.apply(ready, this.needs))
      await this.#leftovers.settled(done.map((need) => staged.get(need) ?? ''))
      for (const need of done) this.#forgetStaged(need, staged)
    } catch (error) {
      this.#onJobFailed(job, error)
    } finally {
      // What a later try can go on with stays.
      await this.#leftovers.discard(Array.from(staged.values()).filter((name) => !isResumableName(name)))
      for (const need of staged.keys()) this.#forgetStaged(need, staged)
      // What the committer did not settle was stopped in the middle.
      for (const need of this.needs.jobs.leftOf(job)) this.#retry(need, need.reason)
    }
  }

  /** What it asks for is there, or newer than that. */
  #onSettled(need: Need): void {
    this.needs.remove(need)
    this.#deps.guard.settled(need.record.path)
  }

  #forgetStaged(need: Need, staged: Map<Need, string>): void {
    this.#needOf.delete(staged.get(need) ?? '')
    staged.delete(need)
  }

  /** Of a file that is worth it, one that a later try finds again. */
  #stagedName({ path, sizeBytes, content }: FileRecord): string {
    if (sizeBytes > resumedBytesMin && content !== '') return stagedNameFor(path, content)
    this.#stagedCount++
    return `${this.#stagedPrefix}-${this.#stagedCount.toString(36)}`
  }

  /** Brings the bytes of `files` into durable staging; returns the work that can be applied. */
  async #stage(work: readonly Work[], files: ReadonlyMap<Work, FetchFile>): Promise<Work[]> {
    if (files.size === 0) return [...work]
    const outcomes = await this.#fetcher.fetch([...files.values()])
    const failed = new Set<Work>()
    for (const [item, file] of files) {
      const outcome = outcomes.get(file)
      if (outcome?.outcome === 'staged') {
        item.blockList = outcome.blockList
        continue
      }
      failed.add(item)
      this.#retry(item.need, outcome?.reason ?? 'it could not be fetched')
    }
    const finish = work.filter((item) => item.staged !== null && !failed.has(item))
    const failures = await this.#deps.tasks.finishStaged(
      finish.map(({ staged, need: { record } }) => ({
        staged: staged!,
        sizeBytes: record.sizeBytes,
        mtimeNs: record.mtimeNs,
        executable: record.executable,
      })),
    )
    for (const failure of failures) {
      const item = finish.find((other) => other.staged === failure.staged)
      if (item === undefined) continue
      failed.add(item)
      this.#retry(item.need, `it could not be written (${failure.code})`)
    }
    return work.filter((item) => !failed.has(item))
  }

  #retry(need: Need, reason: string): void {
    const delay = Math.min(retryMsMin * 2 ** need.attempts, retryMsMax)
    this.needs.requeue(need, this.#deps.clock.monotonic() + delay, reason)
  }

  #onJobFailed(job: readonly Need[], error: unknown): void {
    const [code, reason] = [systemCode(error), errorText(error)]
    this.#deps.logger.warn('job failed', { code, error: reason, needs: job.length })
    this.#deps.onFailed(error)
    if (diskTroubles.has(code)) {
      this.#pausedUntil = this.#deps.clock.monotonic() + diskTroublePauseMs
      this.#deps.onDiskTrouble(code)
      // What this very job has staged is not to be fetched again.
      const inUse = new Set(this.#needOf.keys())
      const options = { nowMs: this.#deps.clock.now(), isInUse: (staged: string) => inUse.has(staged) }
      if (fullDisk.has(code)) void discardRemains(this.#deps, { ...options, keep: 'none' })
    }
    for (const need of this.needs.jobs.leftOf(job)) this.#retry(need, reason)
  }
}

const fullDisk: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT'])
/** Troubles of the whole disk, not of one path. */
const diskTroubles: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE'])

export interface RemoteChangesDeps
  extends Omit<TakeMoveDeps, 'needs'>, ToldRowsDeps, Pick<FileFetcherDeps, 'otherFolders'> {
  readonly random: Random
  readonly order: FolderOrder
  readonly committer: ChangeCommitter
  readonly drafts: FolderDrafts
  readonly deviceName: string
  readonly forgetting: ForgetTombstones
  readonly signal: AbortSignal
  readonly peers: () => PeerClients
  /** True while a peer is in the middle of telling a change. */
  readonly isReceiving: () => boolean
  readonly onProgress: () => void
  readonly onFailed: (error: unknown) => void
  readonly onDiskTrouble: (code: string) => void
}

function localFile(row: IndexRow | null): FetchFile['local'] {
  if (row === null || row.record.content === '') return null
  const { content, sizeBytes } = row.record
  return { content, sizeBytes }
}
