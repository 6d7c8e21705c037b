/**
 * How fast does the link to a peer carry our replies? Asked by whoever sends them; that `send` has to wait says little,
 * because the system takes over megabytes at once. But each request says how many replies its peer has got.
 *
 * Of each reply we note what had been received when it was sent; when the peer has it, what it got since then, over that
 * time, is a rate that the link has at least (compare Cheng et al., "Delivery Rate Estimation", 2022). The highest of
 * the last seconds is the link's. What the peer says while nothing more is on its way may come late, because it had nothing
 * to ask for: that can only raise the rate. Pure: times are given, in milliseconds of any monotonic clock.
 */
export class LinkRate {
  readonly #underway: SentReply[] = []
  #receivedCount = 0
  #receivedBytes = 0
  #receivedAt = 0
  /** The highest of the present span of {@link spanMs}, and of the one before. */
  #highest = 0
  #highestBefore = 0
  #spanEndsAt = 0
  #firstSentAt: number | null = null
  #provedAt: number | null = null

  /** Null while too little has come through to say. */
  get bytesPerSecond(): number | null {
    const rate = Math.max(this.#highest, this.#highestBefore)
    const isKnown =
      this.#firstSentAt !== null &&
      (this.#receivedBytes >= knownAfterBytes || this.#receivedAt - this.#firstSentAt >= knownAfterMs)
    return isKnown && rate > 0 ? rate : null
  }

  /** When a reply that nothing had slowed but the link gave a rate; null: never. */
  get provedAt(): number | null {
    return this.#provedAt
  }

  /** A stream begins: counts of replies start at none. */
  begin(): void {
    this.#underway.length = 0
    this.#receivedCount = 0
  }

  /**
   * A reply of so many bytes is handed to the stream; in the order of replies. `isHeldUp`: something of ours may be
   * slower than the link, so its rate may be told to be higher by this reply, but not lower.
   */
  sent(bytes: number, isHeldUp: boolean, nowMs: number): void {
    this.#firstSentAt ??= nowMs
    if (this.#underway.length === 0) this.#receivedAt = nowMs
    this.#underway.push({ bytes, isHeldUp, receivedBytes: this.#receivedBytes, receivedAt: this.#receivedAt })
    // A peer that never says what it got must not make us keep them all.
    if (this.#underway.length > underwayMax) this.#takeOldest()
  }

  /** The peer says that it has got the first `count` replies of the stream. */
  received(count: number, nowMs: number): void {
    let last: SentReply | undefined
    while (this.#receivedCount < count && this.#underway.length > 0) {
      last = this.#takeOldest()
      this.#receivedBytes += last.bytes
    }
    if (last === undefined) return
    this.#receivedAt = nowMs
    const bytes = this.#receivedBytes - last.receivedBytes
    if (bytes < sampleBytesMin) return
    const isOnlyAtLeast = last.isHeldUp || this.#underway.length === 0
    this.#learn((bytes * 1000) / Math.max(nowMs - last.receivedAt, 0.1), isOnlyAtLeast, nowMs)
  }

  #learn(rate: number, isOnlyAtLeast: boolean, nowMs: number): void {
    if (isOnlyAtLeast) {
      if (rate > Math.max(this.#highest, this.#highestBefore)) this.#highest = rate
      return
    }
    this.#provedAt = nowMs
    if (nowMs >= this.#spanEndsAt) {
      this.#highestBefore = nowMs < this.#spanEndsAt + spanMs ? this.#highest : 0
      this.#highest = 0
      this.#spanEndsAt = nowMs + spanMs
    }
    this.#highest = Math.max(this.#highest, rate)
  }

  #takeOldest(): SentReply {
    this.#receivedCount++
    return this.#underway.shift()!
  }
}

interface SentReply {
  readonly bytes: number
  readonly isHeldUp: boolean
  /** What the peer had, and since when, as this was sent. */
  readonly receivedBytes: number
  readonly receivedAt: number
}

const spanMs = 3000
const knownAfterBytes = 1024 * 1024
const knownAfterMs = 250
/** Of less, the time is that of the round trip. */
const sampleBytesMin = 32 * 1024
const underwayMax = 256
