import { worthwhileShare, type PackLevel, type PackOrder, type PackTrial } from '../ports/packing.ts'
import { LinkRate } from './link-rate.ts'

/**
 * Shall the next reply to a peer be packed, and how small? Only where it comes sooner: packing has to be much faster than
 * the link, which we learn from what the peer got ({@link LinkRate}) or know from a limit of rate, and the data has to
 * shrink, which a sample of each reply says before the rest is packed. On a link that is fast or not known yet, nothing
 * is packed. What does not shrink is tried less and less often, each content for itself.
 *
 * Packed replies may be slower than the link would be: so every while some are sent as they are, to see the link itself.
 * Pure: times are given, in milliseconds of any monotonic clock. One for each peer.
 */
export class PackDecision {
  readonly #link = new LinkRate()
  readonly #stubborn = new Map<string, BackOff>()
  /** As if all were packed at level 1; 0 until something that shrinks was tried. */
  #packBytesPerSecond = 0
  /** When to pack one reply although packing seems too slow: a busy machine may have become a quiet one. */
  #tryAgainAt = -Infinity
  /** What packing leaves of a byte, of late. */
  #share = 1
  #plainLeft = 0
  #plainAt: number | null = null

  /** To be called with each stream of this peer: what was learnt of the link stays. */
  beginStream(): void {
    this.#link.begin()
  }

  /** What to do with the next reply that the peer allows to be packed; null: nothing. */
  next({ content, limit, nowMs }: NextReply): PackOrder | null {
    const rate = Math.min(this.#link.bytesPerSecond ?? Infinity, limit ?? Infinity)
    if (rate > triedRateMax || this.#isPlainTurn(limit, nowMs)) return null
    if (this.#stubborn.get(content)?.skips() === true) return null
    const packRate = this.#packBytesPerSecond * timeShareMax
    if (packRate < rate * gainMin) {
      if (nowMs < this.#tryAgainAt) return null
      // One at a time: what comes of it says whether there will be more.
      this.#tryAgainAt = nowMs + tryEveryMs
      return { level: 1 }
    }
    return { level: levelFor(rate / this.#share, packRate) }
  }

  /** What came of an order for `content`. */
  tried(content: string, trial: PackTrial, nowMs: number): void {
    const { extent, level, rawBytes, packedBytes, elapsedMs } = trial
    const share = packedBytes / rawBytes
    if (extent === 'sample' || share > worthwhileShare) {
      this.#holdBack(content)
      // It says nothing of how fast other data is packed.
      if (this.#packBytesPerSecond === 0) this.#tryAgainAt = nowMs
      return
    }
    this.#stubborn.delete(content)
    const rate = (rawBytes * 1000) / Math.max(elapsedMs, 0.01) / levelSpeed[level]
    const old = this.#packBytesPerSecond
    // What others do on the machine makes it slower now and then, nothing makes it faster than it is.
    this.#packBytesPerSecond = old === 0 ? rate : blend(old, rate, rate > old ? 1 / 2 : 1 / 8)
    this.#share = old === 0 ? share : blend(this.#share, share, 1 / 4)
    this.#tryAgainAt = nowMs + Math.max(tryEveryMs, elapsedMs * tryRests)
  }

  /** A reply of so many bytes on the wire is handed to the stream; in the order of replies. */
  sent(bytes: number, isPacked: boolean, nowMs: number): void {
    this.#link.sent(bytes, isPacked, nowMs)
  }

  /** The peer says that it has got the first `count` replies of the stream. */
  received(count: number, nowMs: number): void {
    this.#link.received(count, nowMs)
  }

  /** Whether this reply is to show the link as it is. */
  #isPlainTurn(limit: number | null, nowMs: number): boolean {
    const link = this.#link.bytesPerSecond
    // A limit needs no showing.
    if (link === null || (limit !== null && limit <= link)) return false
    const seenAt = Math.max(this.#link.provedAt ?? -Infinity, this.#plainAt ?? -Infinity)
    if (this.#plainLeft === 0 && nowMs - seenAt > plainEveryMs) {
      this.#plainLeft = plainReplies
      this.#plainAt = nowMs
    }
    if (this.#plainLeft === 0) return false
    this.#plainLeft--
    return true
  }

  #holdBack(content: string): void {
    const backOff = this.#stubborn.get(content) ?? new BackOff()
    backOff.lengthen()
    // The latest last, so that the one to forget comes first.
    this.#stubborn.delete(content)
    this.#stubborn.set(content, backOff)
    if (this.#stubborn.size > stubbornMax) this.#stubborn.delete(this.#stubborn.keys().next().value!)
  }
}

export interface NextReply {
  /** What it is a part of: the content of its only file, or '' when it is of several. */
  readonly content: string
  /** In bytes a second, as the throttle says; null: none. */
  readonly limit: number | null
  readonly nowMs: number
}

/** The smallest result that can be made in time for a link which could carry `wantedRate` bytes a second before packing. */
function levelFor(wantedRate: number, packRate: number): PackLevel {
  if (packRate * levelSpeed[3] >= wantedRate) return 3
  return packRate * levelSpeed[2] >= wantedRate ? 2 : 1
}

/** How many of the next replies are not tried: 1, 2, 4, up to {@link skipsMax}. */
class BackOff {
  #length = 0
  #left = 0

  lengthen(): void {
    this.#length = Math.min(Math.max(this.#length * 2, 1), skipsMax)
    this.#left = this.#length
  }

  skips(): boolean {
    if (this.#left === 0) return false
    this.#left--
    return true
  }
}

function blend(old: number, fresh: number, weight: number): number {
  return old + (fresh - old) * weight
}

const mebibyte = 1024 * 1024
/** On a faster link nothing is even tried: about a gigabit a second. */
const triedRateMax = 110 * mebibyte
/** Of the time that a reply takes, packing may take so much: the thread has to read and check, and others want to run. */
const timeShareMax = 0.25
/** Packing has to be so much faster than the link, in that share of the time. */
const gainMin = 1.25
/** Relative to level 1, as measured: docs/decisions/0016-compression.md. */
const levelSpeed: Readonly<Record<PackLevel, number>> = { 1: 1, 2: 0.8, 3: 0.65 }
const skipsMax = 16
const stubbornMax = 64
const tryEveryMs = 500
/** Trying may cost one part in so many of the time. */
const tryRests = 100
const plainEveryMs = 20_000
const plainReplies = 2
