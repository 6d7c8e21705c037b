/**
 * How many bytes should be asked of one peer at once? Enough that its link never waits for us, and no more: what is asked
 * too early only waits in the link's queue, in front of whatever else wants to pass.
 *
 * Two figures are learnt from the replies: the highest rate of the last seconds, and the shortest time from a request to
 * its reply. The window is twice their product, so that it doubles each round trip until the rate stops growing. A full
 * window hides how short that time could be: so every ten seconds it is two portions until a reply has come through a
 * link that we had left almost empty (compare Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016). Pure:
 * times are given, in milliseconds of any monotonic clock.
 */
export class PeerWindow {
  readonly #rates = new RecentMaximum()
  #latencyMs: number | null = null
  #measureAgainAt = 0
  #isMeasuring = false
  #inFlightBytes = 0
  #deliveredBytes = 0
  #deliveredAt = 0

  /** Bytes asked for whose reply is not here. */
  get inFlightBytes(): number {
    return this.#inFlightBytes
  }

  /** More may be asked for while less is on its way. The last request may go beyond it: it is as long as it is. */
  get sizeBytes(): number {
    const rate = this.#rates.value
    if (rate === null || this.#latencyMs === null) return firstWindowBytes
    if (this.#isMeasuring) return 2 * this.portionBytes
    return Math.min(Math.max(2 * rate * this.#latencyMs, 2 * this.portionBytes), windowBytesMax)
  }

  /** How much one request should ask for: what the link carries in a twentieth of a second, within bounds. */
  get portionBytes(): number {
    const rate = this.#rates.value
    if (rate === null) return portionBytesMax / 4
    return Math.min(Math.max(rate * portionMs, portionBytesMin), portionBytesMax)
  }

  /** The shortest time that a reply takes, in ms; null while none has come. */
  get latencyMs(): number | null {
    return this.#latencyMs
  }

  /** Notes a request for so many bytes. What it returns goes to {@link replied}. */
  asked(bytes: number, nowMs: number): Asked {
    // A rate is measured only while something is on its way.
    if (this.#inFlightBytes === 0) this.#deliveredAt = nowMs
    this.#inFlightBytes += bytes
    const { portionBytes } = this
    const isAlone = this.#inFlightBytes <= 2 * portionBytes
    return { bytes, atMs: nowMs, isAlone, deliveredBytes: this.#deliveredBytes, deliveredAt: this.#deliveredAt }
  }

  /** The reply to a request is here, or will never come: then with `receivedBytes` 0. */
  replied(asked: Asked, receivedBytes: number, nowMs: number): void {
    this.#inFlightBytes -= asked.bytes
    if (receivedBytes === 0) return
    this.#deliveredBytes += receivedBytes
    this.#deliveredAt = nowMs
    const spanMs = Math.max(nowMs - asked.deliveredAt, 1)
    this.#rates.add((this.#deliveredBytes - asked.deliveredBytes) / spanMs, nowMs)
    this.#tookMs(Math.max(nowMs - asked.atMs, 1), asked.isAlone, nowMs)
  }

  #tookMs(tookMs: number, wasAlone: boolean, nowMs: number): void {
    const isFresh = wasAlone && (this.#isMeasuring || nowMs >= this.#measureAgainAt)
    if (isFresh || this.#latencyMs === null) {
      this.#latencyMs = tookMs
      this.#isMeasuring = false
      this.#measureAgainAt = nowMs + measureEveryMs
    } else {
      this.#latencyMs = Math.min(this.#latencyMs, tookMs)
      if (nowMs >= this.#measureAgainAt) this.#isMeasuring = true
    }
  }
}

/** One request, as it was when it was made. */
export interface Asked {
  readonly bytes: number
  readonly atMs: number
  /** Whether next to nothing else was on its way. */
  readonly isAlone: boolean
  readonly deliveredBytes: number
  readonly deliveredAt: number
}

const kibibyte = 1024
const firstWindowBytes = 1024 * kibibyte
const windowBytesMax = 16 * 1024 * kibibyte
const portionMs = 50
const portionBytesMin = 64 * kibibyte
const portionBytesMax = 1024 * kibibyte
const measureEveryMs = 10_000
const memoryMs = 5000

/** The largest of the last {@link memoryMs} to twice that. */
class RecentMaximum {
  #older: number | null = null
  #newer: number | null = null
  #turnAt = 0

  get value(): number | null {
    if (this.#older === null || this.#newer === null) return this.#newer ?? this.#older
    return Math.max(this.#older, this.#newer)
  }

  add(value: number, nowMs: number): void {
    if (nowMs >= this.#turnAt) {
      this.#older = this.#newer
      this.#newer = null
      this.#turnAt = nowMs + memoryMs
    }
    this.#newer = Math.max(this.#newer ?? 0, value)
  }
}
