import type { BlockHash } from '../model/block-hash.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { FileRecord } from '../model/file-record.ts'
import { isBelow, parentPath, type RelativePath } from '../model/relative-path.ts'
import { compareVersions } from '../vector-clock/compare-versions.ts'
import { compareRecords } from '../vector-clock/order-records.ts'

/** A record of a peer that this disk does not hold yet. */
export interface Need {
  readonly record: FileRecord
  /** Who says that it holds it. */
  readonly sources: Set<DeviceId>
  /** Bytes that differ from what is here: 0 when only metadata does. */
  readonly bytes: number
  /** The content that acting on it would take away from its path, or ''. */
  readonly replaces: BlockHash | ''
  state: 'queued' | 'active'
  /** Not before this time of the monotonic clock. */
  retryAt: number
  attempts: number
  /** Bytes of it that are on this disk already. */
  stagedBytes: number
  /** Why it waits, for a person; '' when nothing is wrong. */
  reason: string
}

/** What one job works on at once. */
export const jobNeedsMax = 1000
export const jobBytesMax = 64 * 1024 * 1024

/**
 * The records that wait to be taken over, at most one being worked on for each path. Bounded by its users: a session
 * stops reading from its peer while {@link isFull}.
 */
export class Needs {
  readonly #byPath = new Map<RelativePath, Need[]>()
  readonly #wantedContents = new Map<BlockHash, number>()
  /** The removals of each content: a file that is to hold it can be moved. */
  readonly #removals = new Map<BlockHash, Set<Need>>()
  #count = 0
  #files = 0
  #bytes = 0
  #stagedBytes = 0
  #held = 0
  #recordBytes = 0

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

  /** Notes that `source` holds `record`. What it held at this path before, it holds no longer. */
  add(record: FileRecord, source: DeviceId, details: { bytes: number; replaces: BlockHash | '' }): void {
    const others = this.#byPath.get(record.path) ?? []
    // An answer to a question may come after newer news.
    const isNews = (other: Need): boolean => compareVersions(other.record.version, record.version) === 'after'
    if (others.some((other) => other.sources.has(source) && isNews(other))) return
    let known = false
    for (const other of others) {
      if (isSameRecord(other.record, record)) {
        other.sources.add(source)
        known = true
      } else {
        other.sources.delete(source)
        if (other.sources.size === 0 && other.state === 'queued') this.remove(other)
      }
    }
    if (known) return
    const need: Need = { record, sources: new Set([source]), ...details, ...fresh() }
    this.#byPath.set(record.path, [...(this.#byPath.get(record.path) ?? []), need])
    this.#tally(need, 1)
  }

  remove(need: Need): void {
    const left = this.#byPath.get(need.record.path)?.filter((other) => other !== need)
    if (left === undefined || left.length === this.#byPath.get(need.record.path)?.length) return
    if (left.length === 0) this.#byPath.delete(need.record.path)
    else this.#byPath.set(need.record.path, left)
    this.staged(need, -need.stagedBytes)
    this.#setReason(need, '')
    this.#tally(need, -1)
  }

  staged(need: Need, bytes: number): void {
    need.stagedBytes += bytes
    this.#stagedBytes += bytes
  }

  /** Puts a need back, behind others of its path, to be tried again at `retryAt`; without a source it is forgotten. */
  requeue(need: Need, retryAt: number, reason: string): void {
    const others = this.#byPath.get(need.record.path)
    if (others?.includes(need) !== true) return
    this.#byPath.set(need.record.path, others.filter((other) => other !== need).concat(need))
    this.staged(need, -need.stagedBytes)
    need.state = 'queued'
    need.retryAt = retryAt
    need.attempts++
    this.#setReason(need, reason)
    if (need.sources.size === 0) this.remove(need)
  }

  /** Forgets that `device` holds anything, and what nobody else holds. */
  dropSource(device: DeviceId): void {
    for (const need of this.all()) {
      need.sources.delete(device)
      if (need.sources.size === 0 && need.state === 'queued') this.remove(need)
    }
  }

  /** True when something waits for this path, what is below it or a folder above it. */
  touches(path: RelativePath): boolean {
    for (const other of this.#byPath.keys()) {
      if (other === path || isBelow(other, path) || isBelow(path, other)) return true
    }
    return false
  }

  hasSource(device: DeviceId): boolean {
    for (const need of this.all()) if (need.sources.has(device)) return true
    return false
  }

  *all(): Generator<Need> {
    for (const needs of Array.from(this.#byPath.values())) yield* needs
  }

  /**
   * Takes what can be done now as one job and marks it active: many small needs, or one that is larger than a job.
   * A removal waits while its bytes are wanted at another path that can have them, and, unless `removals`, altogether.
   */
  takeJob(now: number, options: { removals: boolean }): Need[] {
    const job: Need[] = []
    let bytes = 0
    for (const needs of this.#byPath.values()) {
      if (needs.some((other) => other.state === 'active')) continue
      // Not the first alone: a removal may wait for the bytes that another need of its own path wants.
      const need = needs.find((other) => other.retryAt <= now && this.#mayTake(other, options.removals))
      if (need === undefined) continue
      if (job.length > 0 && bytes + need.bytes > jobBytesMax) continue
      bytes += need.bytes
      for (const taken of [need, this.#removalFor(need)]) {
        if (taken === null) continue
        taken.state = 'active'
        job.push(taken)
      }
      if (job.length >= jobNeedsMax || bytes >= jobBytesMax) break
    }
    return job
  }

  /** When the next waiting need may be tried, or null when none waits for a time. */
  nextRetryAt(now: number): number | null {
    let next: number | null = null
    for (const need of this.all()) {
      if (need.state === 'queued' && need.retryAt > now && (next === null || need.retryAt < next)) next = need.retryAt
    }
    return next
  }

  /** The removal that together with `need` makes a move; not tried again as such once it has failed. */
  #removalFor(need: Need): Need | null {
    if (need.record.kind !== 'file' || need.attempts > 0 || need.record.content === '') return null
    for (const removal of this.#removals.get(need.record.content) ?? []) {
      const others = this.#byPath.get(removal.record.path)
      if (removal.attempts === 0 && others?.length === 1 && removal.state === 'queued') return removal
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
    return removals && (need.replaces === '' || !this.#isWantedElsewhere(need.replaces, need.record.path))
  }

  /** What is to stand at the path itself, or where a folder above it is now, comes only after the removal. */
  #isWantedElsewhere(content: BlockHash, path: RelativePath): boolean {
    let wanted = this.#wantedContents.get(content) ?? 0
    for (let at: RelativePath | null = path; at !== null && wanted > 0; at = parentPath(at)) {
      for (const other of this.#byPath.get(at) ?? []) {
        if (other.record.content === content && other.reason === '') wanted--
      }
    }
    return wanted > 0
  }

  #tally(need: Need, sign: 1 | -1): void {
    this.#count += sign
    this.#recordBytes += sign * memoryOf(need.record)
    if (need.record.kind === 'tombstone' && need.replaces !== '') this.#tallyRemoval(need, need.replaces, sign)
    if (need.record.kind !== 'file') return
    this.#files += sign
    this.#bytes += sign * need.bytes
    this.#want(need, sign)
  }

  #tallyRemoval(need: Need, content: BlockHash, sign: 1 | -1): void {
    const removals = this.#removals.get(content) ?? new Set()
    if (sign === 1) removals.add(need)
    else removals.delete(need)
    if (removals.size === 0) this.#removals.delete(content)
    else this.#removals.set(content, removals)
  }

  /** A need that waits because something is wrong may wait for ever: nothing is to wait for it. */
  #want(need: Need, sign: 1 | -1): void {
    const content = need.record.content
    if (content === '') return
    const wanted = (this.#wantedContents.get(content) ?? 0) + sign
    if (wanted === 0) this.#wantedContents.delete(content)
    else this.#wantedContents.set(content, wanted)
  }
}

const needsMax = 20_000
const heldMax = 200_000
const recordBytesMax = 128 * 1024 * 1024

/** About what a record takes up. */
function memoryOf(record: FileRecord): number {
  return 400 + record.path.length + record.linkTarget.length + record.basis.length + record.version.length * 96
}

function isSameRecord(a: FileRecord, b: FileRecord): boolean {
  return compareVersions(a.version, b.version) === 'equal' && compareRecords(a, b) === 0
}

function fresh(): Pick<Need, 'state' | 'retryAt' | 'attempts' | 'stagedBytes' | 'reason'> {
  return { state: 'queued', retryAt: 0, attempts: 0, stagedBytes: 0, reason: '' }
}
