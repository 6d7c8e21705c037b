import { P2psyncError } from '../../src/model/errors.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { FrameStream } from '../../src/ports/transport.ts'

/** What the two directions of a stream have in common. */
export interface MemoryStreamOptions {
  readonly frameBytesMax: number
  /** `send` waits while more than this is on its way. */
  readonly bytesInFlightMax: number
  /** Each frame takes so long; 0 without a clock. */
  readonly delayMs: (isBack: boolean) => number
  /** The frames of one direction come one after the other at this rate. */
  readonly bytesPerSecond?: () => number
  readonly clock: Clock | null
  readonly onFrame: (frame: Uint8Array, isBack: boolean) => void
  readonly onEnded: () => void
}

/** Both ends of one stream within this process. */
export function memoryStreamPair(options: MemoryStreamOptions): [MemoryFrameStream, MemoryFrameStream] {
  const there = new FrameQueue(options, false)
  const back = new FrameQueue(options, true)
  const abort = (reason: string): void => {
    there.fail(reason)
    back.fail(reason)
  }
  return [new MemoryFrameStream(there, back, abort), new MemoryFrameStream(back, there, abort)]
}

export class MemoryFrameStream implements FrameStream {
  readonly #outgoing: FrameQueue
  readonly #incoming: FrameQueue
  readonly #abort: (reason: string) => void

  constructor(outgoing: FrameQueue, incoming: FrameQueue, abort: (reason: string) => void) {
    this.#outgoing = outgoing
    this.#incoming = incoming
    this.#abort = abort
  }

  receivedBytes = 0

  async send(...parts: readonly Uint8Array[]): Promise<void> {
    await this.#outgoing.push(joined(parts))
  }

  async read(): Promise<Uint8Array | null> {
    const frame = await this.#incoming.shift()
    this.receivedBytes += frame?.length ?? 0
    return frame
  }

  close(): Promise<void> {
    this.#outgoing.end()
    return Promise.resolve()
  }

  reuse(): void {
    // Frames are copied here.
  }

  abort(reason: string): void {
    this.#abort(reason)
  }
}

class FrameQueue {
  readonly #options: MemoryStreamOptions
  readonly #isBack: boolean
  #frames: { readonly bytes: Uint8Array; readonly dueMs: number }[] = []
  #bytesQueued = 0
  #lastDueMs = 0
  #ended = false
  #failure: P2psyncError | null = null
  readonly #failed = new AbortController()
  #waiting: (() => void)[] = []

  constructor(options: MemoryStreamOptions, isBack: boolean) {
    this.#options = options
    this.#isBack = isBack
  }

  async push(bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#options.frameBytesMax) throw new P2psyncError('limit', 'the frame is too large')
    if (this.#ended) throw this.#failure ?? new P2psyncError('peer-gone', 'the stream is closed')
    this.#throwFailure()
    const { clock, delayMs, bytesPerSecond } = this.#options
    const nowMs = clock?.monotonic() ?? 0
    const carryMs = (bytes.length * 1000) / (bytesPerSecond?.() ?? Infinity)
    this.#lastDueMs = Math.max(this.#lastDueMs + carryMs, nowMs + carryMs + delayMs(this.#isBack))
    this.#frames.push({ bytes, dueMs: this.#lastDueMs })
    this.#bytesQueued += bytes.length
    this.#options.onFrame(bytes, this.#isBack)
    this.#wake()
    while (this.#bytesQueued > this.#options.bytesInFlightMax) await this.#change()
  }

  async shift(): Promise<Uint8Array | null> {
    for (;;) {
      this.#throwFailure()
      const first = this.#frames[0]
      if (first === undefined && this.#ended) return null
      const waitMs = first === undefined ? Infinity : first.dueMs - (this.#options.clock?.monotonic() ?? first.dueMs)
      if (first !== undefined && waitMs <= 0) {
        this.#frames.shift()
        this.#bytesQueued -= first.bytes.length
        this.#wake()
        return first.bytes
      }
      await (waitMs === Infinity ? this.#change() : this.#arrival(waitMs))
    }
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#wake()
    this.#options.onEnded()
  }

  fail(reason: string): void {
    if (this.#failure !== null) return
    this.#failure = new P2psyncError('peer-gone', `the stream was aborted: ${reason}`)
    this.#frames = []
    this.#bytesQueued = 0
    this.#failed.abort(this.#failure)
    this.end()
    this.#wake()
  }

  /** At the latest when the stream fails. */
  async #arrival(waitMs: number): Promise<void> {
    await this.#options.clock?.sleep(waitMs, this.#failed.signal).catch(() => undefined)
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#throwFailure()
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const frame = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    frame.set(part, at)
    at += part.length
  }
  return frame
}
