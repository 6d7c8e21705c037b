import type { RowChange } from '../file-index/folder-index.ts'
import type { HeldChanges } from '../model/guard-limits.ts'
import type { Clock } from '../ports/clock.ts'
import { P2psyncError } from '../model/errors.ts'
import type { DirtyPaths } from './dirty-paths.ts'
import type { FolderPeers } from './folder-peers.ts'
import { hasHeld, keepOurs, needHeld, wakeHeld, type GuardIncomingDeps } from './guard-incoming.ts'
import { costOf, isSameRecord, type Need } from './need.ts'
import type { Needs } from './needs.ts'
import type { SerialQueue } from './serial-queue.ts'
import { WokenSleep } from './woken-sleep.ts'

const lookMs = 2000
/** Nothing is held. */
const restMs = 10_000
const lookMsMax = 60_000
const restWaitMsMax = 30_000

/** What a person decides about changes that wait, carried out; and whether they still have to wait. */
export class GuardDecisions {
  readonly #deps: GuardDecisionsDeps
  #pauseMs = lookMs
  #hasLooked = false
  #wentOnAt = 0
  readonly #sleep: WokenSleep

  constructor(deps: GuardDecisionsDeps) {
    this.#deps = deps
    this.#sleep = new WokenSleep(deps.clock)
  }

  /** Lets what waits through: exactly that. @throws {P2psyncError} `usage` when nothing waits. */
  async approve(): Promise<readonly HeldChanges[]> {
    const { guard, dirty, onChange } = this.#deps
    const held = this.#waiting()
    await guard.outgoing.approve()
    await guard.incoming.approve()
    wakeHeld(this.#deps.needs())
    dirty.addAll()
    onChange()
    return held
  }

  /**
   * What this disk has lost is brought back from other devices; what a device says is gone is told to be here, as newer
   * than that. @throws {P2psyncError} `usage` when nothing waits.
   */
  async reject(): Promise<readonly HeldChanges[]> {
    const { guard, onChange } = this.#deps
    const held = this.#waiting()
    await guard.outgoing.restore()
    if (guard.incoming.held !== null) {
      await this.#keepOurs()
      // Whoever told the rest is away.
      await guard.told.rejectWaiting()
      await guard.incoming.lift()
      // What a job had in hands just then has begun to wait since.
      if (hasHeld(this.#deps.needs())) await this.#keepOurs()
    }
    this.#pauseMs = lookMs
    this.#sleep.wake()
    onChange()
    return held
  }

  /** Our records at these paths are others now: what waited there may have nothing to wait for. */
  onCommitted(changes: readonly RowChange[]): void {
    const needs = this.#deps.needs()
    for (const { record } of changes) {
      this.#deps.guard.settled(record.path)
      if (needs.held > 0) wakeHeld(needs, needs.at(record.path))
    }
  }

  /** Until the signal is aborted: asks for what is to be restored, ends holding when nothing waits any more, and forgets what is old. */
  async run(): Promise<void> {
    const { signal, guard } = this.#deps
    guard.told.onCome = () => this.#sleep.wake()
    while (!signal.aborted) {
      const pauseMs = guard.held.length === 0 ? restMs : this.#pauseMs
      await this.#sleep.sleep(pauseMs, signal).catch(() => undefined)
      guard.forgetOld()
      await guard.told.save()
      if (!signal.aborted) await this.#keepRejected()
      if (signal.aborted || guard.held.length === 0) this.#pauseMs = lookMs
      else await this.#goOn()
    }
  }

  /** What was rejected is told again. */
  async #keepRejected(): Promise<void> {
    const { told } = this.#deps.guard
    const isRejected = ({ record }: Need): boolean => told.isRejected(record)
    if (told.hasRejected && Array.from(this.#deps.needs().all()).some(isRejected)) await this.#keepOurs(isRejected)
  }

  async #keepOurs(isAsked: (need: Need) => boolean = () => true): Promise<void> {
    const { commits, index, onCommit } = this.#deps
    const needs = this.#deps.needs()
    await commits.run(async () => {
      const { changes, settled } = await keepOurs(this.#deps, needs, isAsked)
      if (changes.length > 0) await index.commit(changes, { durable: true })
      for (const need of settled) needs.remove(need)
      if (changes.length > 0) onCommit(changes)
    })
  }

  async #goOn(): Promise<void> {
    const { clock, guard, dirty, peers, isBusy } = this.#deps
    const needs = this.#deps.needs()
    const { sessions } = peers()
    const now = clock.monotonic()
    const isAtRest = !isBusy() && needs.size === needs.held
    // Where somebody saves all the time it never rests.
    if (sessions.length === 0 || (!isAtRest && now < this.#wentOnAt + restWaitMsMax)) return
    this.#wentOnAt = now
    const isTold = guard.incoming.held !== null && guard.incoming.paths.size === 0 && needs.size === 0
    if (isTold && sessions.every((session) => session.isInSync)) await guard.incoming.lift()
    if (!guard.outgoing.isRestoring) return
    this.#hasLooked = !this.#hasLooked
    if (this.#hasLooked) {
      dirty.addAll()
      return
    }
    await needHeld(this.#deps, (record) => {
      // What others are known to have there comes in its place.
      if (needs.at(record.path).some((need) => !isSameRecord(need.record, record))) return
      for (const { peer } of peers().sessions) needs.add(record, peer, costOf(record, null))
    })
    this.#pauseMs = Math.min(this.#pauseMs * 2, lookMsMax)
    this.#deps.onChange()
  }

  #waiting(): readonly HeldChanges[] {
    const { held } = this.#deps.guard
    if (held.length > 0) return held
    throw new P2psyncError('usage', 'nothing waits to be decided in this folder', {
      hint: 'See what does: p2psync status',
    })
  }
}

export interface GuardDecisionsDeps extends Omit<GuardIncomingDeps, 'needs' | 'isReceiving'> {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly commits: SerialQueue
  readonly dirty: DirtyPaths
  readonly needs: () => Needs
  readonly peers: () => FolderPeers
  /** True while the folder is looked at. */
  readonly isBusy: () => boolean
  readonly onCommit: (changes: readonly RowChange[]) => void
  readonly onChange: () => void
}
