import type { BlockHash } from '../model/block-hash.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { FolderOrder } from '../model/folder-order.ts'
import { isBelow, parentPath, type RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import { chooseLane } from '../transfer/choose-lane.ts'
import { transferOrder, type Lane, type PlaceTransfer } from '../transfer/transfer-order.ts'
import { compareVersions } from '../vector-clock/compare-versions.ts'
import { isSameRecord, memoryBytes, newNeed, type Need } from './need.ts'
import { NeedJobs, type NeedJob } from './need-jobs.ts'
import { loseSource } from './need-sources.ts'
import { NeedQueue, type Row } from './need-queue.ts'
import { RemovalsByContent } from './removals-by-content.ts'

/** What one job works on at once. */
export const jobNeedsMax = 400
export const jobBytesMax = 64 * 1024 * 1024

/**
 * The records that wait to be taken over, at most one being worked on for each path, in the order of `transferOrder`.
 * Bounded by its users: a session stops reading from its peer while {@link isFull}.
 *
 * A need that is queued is in the queue, unless another of its path is worked on, or it is a removal that waits for
 * what wants its bytes: then it enters the queue when that ends.
 */
export class Needs {
  readonly jobs = new NeedJobs()
  readonly #clock: Pick<Clock, 'now'>
  readonly #placeOf: PlaceTransfer
  readonly #byPath = new Map<RelativePath, Need[]>()
  readonly #queue = new NeedQueue()
  readonly #removals = new RemovalsByContent()
  #count = 0
  #files = 0
  #bytes = 0
  #stagedBytes = 0
  #held = 0
  #recordBytes = 0

  constructor({ clock, order }: NeedsDeps) {
    this.#clock = clock
    this.#placeOf = transferOrder(order)
  }

  get size(): number {
    return this.#count
  }

  get files(): number {
    return this.#files
  }

  /** Bytes that are still to come. */
  get bytes(): number {
    return Math.max(this.#bytes - this.#stagedBytes, 0)
  }

  /** Bytes of what is being taken over that are on this disk already. */
  get stagedBytes(): number {
    return this.#stagedBytes
  }

  /** How many wait because something is wrong. */
  get held(): number {
    return this.#held
  }

  /** What waits because something is wrong takes no room from the rest, until there is far too much of it. */
  get isFull(): boolean {
    return this.#count - this.#held >= needsMax || this.#count >= heldMax || this.#recordBytes >= recordBytesMax
  }

  /**
   * Notes that `source` holds `record`. What it held at this path before, it holds no longer.
   *
   * @returns true when something that is worked on has lost a source by that.
   */
  add(record: FileRecord, source: DeviceId, details: { bytes: number; replaces: BlockHash | '' }): boolean {
    const others = this.at(record.path)
    // An answer to a question may come after newer news.
    const isNews = (other: Need): boolean => compareVersions(other.record.version, record.version) === 'after'
    if (others.some((other) => other.sources.has(source) && isNews(other))) return false
    let known = false
    let hasLost = false
    for (const other of others) {
      if (isSameRecord(other.record, record)) {
        other.sources.add(source)
        known = true
      } else if (loseSource(this, other, source)) hasLost = true
    }
    if (known) return hasLost
    const place = this.#placeOf(record, details.bytes, this.#clock.now())
    const need = newNeed(record, source, { ...details, place })
    this.#byPath.set(record.path, [...this.at(record.path), need])
    this.#tally(need, 1)
    this.#queue.enter(need)
    return hasLost
  }

  /** What waits for this path. */
  at(path: RelativePath): readonly Need[] {
    return this.#byPath.get(path) ?? []
  }

  remove(need: Need): void {
    const left = this.#byPath.get(need.record.path)?.filter((other) => other !== need)
    if (left === undefined || left.length === this.#byPath.get(need.record.path)?.length) return
    if (left.length === 0) this.#byPath.delete(need.record.path)
    else this.#byPath.set(need.record.path, left)
    this.staged(need, -need.stagedBytes)
    this.#setReason(need, '')
    this.#tally(need, -1)
    this.#queue.leave(need)
    this.jobs.leave(need)
    this.#queueAll(left)
  }

  staged(need: Need, bytes: number): void {
    need.stagedBytes += bytes
    this.#stagedBytes += bytes
  }

  /** Puts a need back, behind others of its path, to be tried again at `retryAt`; without a source it is forgotten. */
  requeue(need: Need, retryAt: number, reason: string): void {
    const others = this.#byPath.get(need.record.path)
    if (others?.includes(need) !== true) return
    const needs = others.filter((other) => other !== need).concat(need)
    this.#byPath.set(need.record.path, needs)
    this.staged(need, -need.stagedBytes)
    this.jobs.leave(need)
    need.state = 'queued'
    need.retryAt = retryAt
    need.attempts++
    this.#setReason(need, reason)
    this.#queueAll(needs)
    if (need.sources.size === 0) this.remove(need)
  }

  /** Forgets that `device` holds anything, and what nobody else holds. */
  dropSource(device: DeviceId): void {
    for (const need of this.all()) loseSource(this, need, device)
  }

  /** True when something waits for this path, what is below it or a folder above it. */
  touches(path: RelativePath): boolean {
    for (const other of this.#byPath.keys()) {
      if (other === path || isBelow(other, path) || isBelow(path, other)) return true
    }
    return false
  }

  /** Without `orHeld` what waits because something is wrong does not count: it may wait for ever. */
  hasSource(device: DeviceId, { orHeld = true }: { readonly orHeld?: boolean } = {}): boolean {
    for (const needs of this.#byPath.values()) {
      for (const need of needs) if (need.sources.has(device) && (orHeld || need.reason === '')) return true
    }
    return false
  }

  *all(): Generator<Need> {
    for (const needs of Array.from(this.#byPath.values())) yield* needs
  }

  /**
   * Takes what can be done now as one job and marks it active: many small needs, or one that is larger than a job.
   * A removal waits while its bytes are wanted at another path that can have them, and, unless `removals`, altogether.
   * Costs O(log n) for each need that it takes.
   */
  takeJob(now: number, options: { removals: boolean }): Need[] {
    this.#queue.wake(now)
    const heads = new Map<Lane, Need>()
    for (const lane of lanes) {
      const need = this.#firstOf(lane, now, options.removals)
      if (need !== null) heads.set(lane, need)
    }
    const places = new Map(Array.from(heads, ([lane, need]) => [lane, need.place]))
    const lane = chooseLane(places, this.jobs.running)
    if (lane === null) return []
    const first = heads.get(lane)!
    const job: NeedJob = { lane, group: first.place.group, needs: new Set() }
    let { batch } = first.place
    let bytes = 0
    for (let need: Need | null = first; need !== null; need = this.#firstOf(lane, now, options.removals)) {
      // What costs nothing goes along; else nobody waits for what is to come later.
      if (batch > 0 && need.place.batch !== batch) break
      if (job.needs.size > 0 && bytes + need.bytes > jobBytesMax) break
      batch = need.place.batch
      bytes += need.bytes
      this.#take(need, job)
      const removal = this.#removalFor(need)
      if (removal !== null) this.#take(removal, job)
      if (job.needs.size >= jobNeedsMax || bytes >= jobBytesMax) break
    }
    return this.jobs.giveOut(job)
  }

  /** When the next waiting need may be tried, or null when none waits for a time. */
  nextRetryAt(now: number): number | null {
    return this.#queue.nextRetryAt(now)
  }

  #firstOf(lane: Lane, now: number, removals: boolean): Need | null {
    const need = this.#firstFree(lane, now, removals)
    if (lane !== 'small' || !removals) return need
    const removal = this.#firstFree('removals', now, removals)
    return need === null || (removal !== null && removal.place.order < need.place.order) ? removal : need
  }

  /** The first of a row that may be taken. Who may not, leaves: it comes back when what it waits for has ended. */
  #firstFree(row: Row, now: number, removals: boolean): Need | null {
    for (let need = this.#queue.first(row); need !== null; need = this.#queue.first(row)) {
      const others = this.#byPath.get(need.record.path) ?? []
      const isActive = others.some((other) => other.state === 'active')
      // Not the first alone: a removal may wait for the bytes that another need of its own path wants.
      const next = isActive ? null : others.find((other) => other.retryAt <= now && this.#mayTake(other, removals))
      if (next) return next
      this.#queue.leave(need)
      if (!isActive) this.#removals.wait(need, this.#wantedHere(need))
    }
    return null
  }

  #take(need: Need, job: NeedJob): void {
    need.state = 'active'
    this.#queue.leave(need)
    this.#removals.remove(need)
    this.jobs.join(need, job)
  }

  #queueAll(needs: Iterable<Need>): void {
    for (const need of needs) if (need.state === 'queued') this.#queue.enter(need)
  }

  /** The removal that together with `need` makes a move; not tried again as such once it has failed. */
  #removalFor(need: Need): Need | null {
    if (need.record.kind !== 'file' || need.attempts > 0 || need.record.content === '') return null
    for (const removal of this.#removals.untried(need.record.content)) {
      if (this.#byPath.get(removal.record.path)?.length === 1) return removal
    }
    return null
  }

  #setReason(need: Need, reason: string): void {
    const sign = (reason === '' ? 0 : 1) - (need.reason === '' ? 0 : 1)
    need.reason = reason
    if (sign === 0) return
    this.#held += sign
    this.#want(need, sign === 1 ? -1 : 1)
  }

  #mayTake(need: Need, removals: boolean): boolean {
    if (need.record.kind !== 'tombstone') return true
    if (!removals || need.replaces === '') return removals
    const wanted = this.#removals.wanted(need.replaces)
    return wanted === 0 || wanted <= this.#wantedHere(need)
  }

  /** What is to stand at the path of a removal, or where a folder above it is now, comes only after the removal. */
  #wantedHere({ record, replaces }: Need): number {
    let count = 0
    for (let at: RelativePath | null = record.path; at !== null; at = parentPath(at)) {
      for (const other of this.#byPath.get(at) ?? []) {
        if (other.record.content === replaces && other.reason === '') count++
      }
    }
    return count
  }

  #tally(need: Need, sign: 1 | -1): void {
    this.#count += sign
    this.#recordBytes += sign * memoryBytes(need.record)
    if (sign === 1) this.#removals.add(need)
    else this.#removals.remove(need)
    if (need.record.kind !== 'file') return
    this.#files += sign
    this.#bytes += sign * need.bytes
    this.#want(need, sign)
  }

  /** A need that waits because something is wrong may wait for ever: nothing is to wait for it. */
  #want(need: Need, sign: 1 | -1): void {
    if (need.record.content !== '') this.#queueAll(this.#removals.want(need.record.content, sign))
  }
}

export interface NeedsDeps {
  /** Tells how old a file is; only the order depends on it. */
  readonly clock: Pick<Clock, 'now'>
  readonly order: FolderOrder
}

const lanes: readonly Lane[] = ['small', 'medium', 'large']
const needsMax = 20_000
const heldMax = 200_000
const recordBytesMax = 128 * 1024 * 1024
