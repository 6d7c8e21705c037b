import type { FetchBlock } from '../blocks/plan-fetch.ts'
import type { DeviceId } from '../model/device-id.ts'
import { errorText } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import { FetchQueue, type FetchRun } from '../transfer/fetch-queue.ts'
import type { BlockClient } from './block-client.ts'
import { wantsOf, type FetchFile } from './fetch-groups.ts'
import { newPortion, type Batch, type Portion, type Target } from './fetch-portion.ts'
import { stageReply, type StagedReply } from './stage-reply.ts'

/** Asked for, or fetched and not yet on disk, for a folder. */
const aheadBytesMax = 32 * 1024 * 1024
const blocksPerPortion = 256
/** A peer with nothing else to do takes over what another one owes for so long, and for so many times its own latency. */
const lateMsMin = 300
const lateLatencies = 3
const lateCheckMs = 100
/** Whoever sent wrong bytes is for so long asked only for what nobody else has. */
const distrustMs = 30_000

/**
 * Keeps every peer's window full from one queue, until all blocks of each file are staged.
 *
 * No request is bound to a peer before that peer has room for it. A peer that has nothing left to do is asked for what
 * another one is late with as well: whichever answer comes first counts. What a peer does not have, or sends wrong, the
 * others are asked for.
 */
export class PeerFetches {
  readonly #deps: PeerFetchesDeps
  readonly #queue = new FetchQueue<Target, FetchBlock>()
  readonly #targets = new Set<Target>()
  readonly #underway = new Set<Portion>()
  /** What is being written. */
  readonly #staging = new Set<Promise<StagedReply>>()
  readonly #distrusted = new Map<DeviceId, number>()
  #aheadBytes = 0
  #mayHaveOrphans = false
  #isWatchingLate = false
  /** What goes first: as long as it wants something of a peer, we ask that peer for nothing. */
  #before: PeerFetches | null = null
  readonly #withdrawn = new WeakSet<Target>()
  #whenArrived: (() => void)[] = []

  constructor(deps: PeerFetchesDeps) {
    this.#deps = deps
    if (deps.after !== undefined) deps.after.#before = this
  }

  /**
   * Fetches blocks of files into staging. Resolves to why those files that are not all there by then are not.
   *
   * @throws what the disk throws while they are staged; nothing of these files is being written any more by then.
   */
  async fetch(wanted: ReadonlyMap<FetchFile, readonly FetchBlock[]>): Promise<Map<FetchFile, string>> {
    try {
      return await this.#fetch(wanted)
    } catch (error) {
      await this.cancel(new Set(wanted.keys()))
      throw error
    }
  }

  #fetch(wanted: ReadonlyMap<FetchFile, readonly FetchBlock[]>): Promise<Map<FetchFile, string>> {
    return new Promise((resolve, reject) => {
      const missing = new Map<FetchFile, string>()
      const batch: Batch = { filesLeft: 0, missing, resolve: () => resolve(missing), reject }
      for (const [file, blocks] of wanted) if (blocks.length > 0) this.#add(batch, file, blocks)
      if (batch.filesLeft === 0) batch.resolve()
      this.#mayHaveOrphans = true
      this.wake()
    })
  }

  /** Forgets these files: nothing more is asked for, and what is on its way is dropped. Resolves when nothing is being written. */
  async cancel(files: ReadonlySet<FetchFile>): Promise<void> {
    const targets = Array.from(this.#targets).filter((target) => files.has(target.file))
    for (const target of targets) this.#end(target, 'it was given up')
    await Promise.allSettled(this.#staging)
  }

  /** Asks for nothing more of this file; resolves when nothing of it is on its way. What arrives until then is staged. */
  async withdraw(file: FetchFile): Promise<void> {
    const targets = new Set(Array.from(this.#targets).filter((target) => target.file === file))
    this.#queue.drop(targets)
    for (const target of targets) this.#withdrawn.add(target)
    const isUnderway = (): boolean =>
      Array.from(this.#underway).some((portion) => portion.runs.some((run) => targets.has(run.target)))
    while (isUnderway()) await new Promise<void>((resolve) => this.#whenArrived.push(resolve))
    for (const target of targets) this.#end(target, 'it was given up')
  }

  /** A peer has gone, or no longer has what is being fetched. */
  sourceGone(): void {
    this.#mayHaveOrphans = true
    this.wake()
  }

  /** A peer has come, or has room again. */
  wake(): void {
    const peers = this.#deps.peers().devices
    if (this.#mayHaveOrphans) {
      this.#mayHaveOrphans = false
      for (const run of this.#queue.takeOrphans(peers)) this.#end(run.target, run.target.reason)
    }
    if (this.#targets.size > 0) this.#askAll(peers)
    this.#deps.after?.wake()
  }

  #askAll(peers: readonly DeviceId[]): void {
    const now = this.#deps.clock.monotonic()
    for (let busy = peers; busy.length > 0;) busy = busy.filter((peer) => this.#askNext(peer, peers, now))
    if (peers.length > 1 && this.#underway.size > 0) void this.#watchLate()
  }

  #add(batch: Batch, file: FetchFile, blocks: readonly FetchBlock[]): void {
    const reason = 'no connected device has all of this file'
    const target: Target = { file, sources: file.sources, blocksLeft: blocks.length, reason, batch }
    batch.filesLeft++
    this.#targets.add(target)
    this.#queue.add(target, blocks)
  }

  /** Asks a peer for one portion more; false when it has no room or nothing of what is wanted. */
  #askNext(peer: DeviceId, peers: readonly DeviceId[], now: number): boolean {
    const client = this.#deps.peers().client(peer)
    if (client === null || !client.hasRoom || this.#aheadBytes >= aheadBytesMax) return false
    if (this.#before !== null && this.#before.#queue.hasFor(peer)) return false
    const limit = { bytes: client.portionBytes, blocks: blocksPerPortion }
    const others = peers.filter((other) => other !== peer && !this.#isDistrusted(other, now))
    const runs = this.#isDistrusted(peer, now)
      ? this.#queue.takeRare(peer, others, limit)
      : this.#queue.take(peer, others, limit)
    const portion = runs.length > 0 ? newPortion(runs) : this.#latePortion(peer, client, now)
    if (portion === null) return false
    void this.#ask(portion, peer, client)
    return true
  }

  /** What another peer should have sent by now, and this one can. */
  #latePortion(peer: DeviceId, client: BlockClient, now: number): Portion | null {
    const patienceMs = Math.max(lateMsMin, lateLatencies * (client.latencyMs ?? 0))
    for (const portion of this.#underway) {
      if (portion.asked.length > 1 || now - portion.askedAt < patienceMs || portion.asked.includes(peer)) continue
      if (portion.runs.every((run) => run.target.sources.has(peer) && !run.tried.has(peer))) return portion
    }
    return null
  }

  async #ask(portion: Portion, peer: DeviceId, client: BlockClient): Promise<void> {
    portion.asked.push(peer)
    portion.askedAt = this.#deps.clock.monotonic()
    portion.pending++
    this.#underway.add(portion)
    this.#aheadBytes += portion.bytes
    try {
      const staged = await this.#exchange(portion, client)
      if (staged !== null) this.#settle(portion, staged, peer)
    } catch (error) {
      this.#fail(portion, error)
    } finally {
      portion.pending--
      this.#aheadBytes -= portion.bytes
      if (portion.pending === 0 && !portion.isDone) this.#giveBack(portion, portion.runs, portion.asked)
      if (portion.pending === 0) this.#underway.delete(portion)
      for (const resolve of this.#whenArrived.splice(0)) resolve()
      this.wake()
    }
  }

  /** Null when the peer did not answer, or somebody else came first. @throws what the disk throws. */
  async #exchange(portion: Portion, client: BlockClient): Promise<StagedReply | null> {
    const blocks = portion.runs.flatMap((run) => run.blocks)
    const files = new Map(portion.runs.map((run) => [run.target.file.staged, run.target.file]))
    let reply
    try {
      const size = { blocks: blocks.length, bytes: portion.bytes }
      reply = await client.request({ type: 'blocks', wants: wantsOf(blocks, files) }, size)
    } catch (error) {
      const reason = errorText(error)
      for (const { target } of portion.runs) target.reason = reason
      return null
    }
    const wanted = portion.isDone ? [] : portion.runs.filter((run) => this.#targets.has(run.target))
    if (wanted.length === 0) {
      await client.reuse(reply.frame)
      return null
    }
    const wantedBlocks = new Set(wanted.flatMap((run) => run.blocks))
    const isWanted = (block: FetchBlock): boolean => wantedBlocks.has(block)
    const staging = stageReply(blocks, { reply, client, tasks: this.#deps.tasks, isWanted })
    this.#staging.add(staging)
    return staging.finally(() => this.#staging.delete(staging))
  }

  #settle(portion: Portion, { missing, wrong }: StagedReply, peer: DeviceId): void {
    if (wrong.size > 0) {
      this.#distrusted.set(peer, this.#deps.clock.monotonic() + distrustMs)
      this.#deps.logger.warn('a device sent wrong bytes', { from: peer, blocks: wrong.size })
    }
    if (portion.isDone) return
    portion.isDone = true
    if (missing.size + wrong.size === 0) {
      for (const run of portion.runs) this.#arrived(run.target, run.blocks)
      return
    }
    const left: FetchRun<Target, FetchBlock>[] = []
    for (const run of portion.runs) {
      const notHere = run.blocks.filter((block) => missing.has(block) || wrong.has(block))
      if (notHere.length > 0) left.push({ ...run, blocks: notHere })
      const here = run.blocks.filter((block) => !missing.has(block) && !wrong.has(block))
      this.#arrived(run.target, here)
    }
    this.#giveBack(portion, left, [peer])
  }

  #arrived(target: Target, blocks: readonly FetchBlock[]): void {
    if (!this.#targets.has(target) || blocks.length === 0) return
    let bytes = 0
    for (const block of blocks) bytes += block.length * (1 + block.alsoAt.length)
    this.#deps.onStaged(target.file, bytes)
    target.blocksLeft -= blocks.length
    if (target.blocksLeft === 0) this.#end(target, null)
  }

  #giveBack(portion: Portion, runs: readonly FetchRun<Target, FetchBlock>[], askedInVain: readonly DeviceId[]): void {
    portion.isDone = true
    const wanted = runs.filter((run) => this.#targets.has(run.target) && !this.#withdrawn.has(run.target))
    if (wanted.length > 0) this.#mayHaveOrphans = true
    this.#queue.giveBack(wanted.map((run) => ({ ...run, tried: new Set([...run.tried, ...askedInVain]) })))
  }

  /** The disk failed: whoever waits for these files learns of it. */
  #fail(portion: Portion, error: unknown): void {
    portion.isDone = true
    const targets = new Set(portion.runs.map((run) => run.target))
    this.#queue.drop(targets)
    for (const target of targets) if (this.#targets.delete(target)) target.batch.reject(error)
  }

  #end(target: Target, reason: string | null): void {
    if (!this.#targets.delete(target)) return
    if (reason !== null) {
      this.#queue.drop(new Set([target]))
      target.batch.missing.set(target.file, reason)
    }
    target.batch.filesLeft--
    if (target.batch.filesLeft === 0) target.batch.resolve()
  }

  #isDistrusted(peer: DeviceId, now: number): boolean {
    return (this.#distrusted.get(peer) ?? 0) > now
  }

  /** While something is on its way and another peer may be idle, looks from time to time whether it is late. */
  async #watchLate(): Promise<void> {
    if (this.#isWatchingLate) return
    this.#isWatchingLate = true
    const { clock, signal } = this.#deps
    await clock.sleep(lateCheckMs, signal).catch(() => undefined)
    this.#isWatchingLate = false
    if (!signal.aborted) this.wake()
  }
}

export interface PeerFetchesDeps {
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly peers: () => PeerClients
  /** So many bytes of a file are on this disk now. */
  readonly onStaged: (file: FetchFile, bytes: number) => void
  /** What a peer is asked for only when nothing of ours can be. */
  readonly after?: PeerFetches
}

export interface PeerClients {
  /** The connected devices. */
  readonly devices: readonly DeviceId[]
  /** The way to a device; null when it is not connected. */
  client(device: DeviceId): BlockClient | null
}
