import { P2psyncError } from '../model/errors.ts'
import { blockFrameBytesMax } from '../model/limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { FrameStream } from '../ports/transport.ts'
import { decodeBlockReply, encodeBlockRequest, type BlockReply, type BlockRequest } from './block-messages.ts'

/** Bytes asked for and not yet here, for each peer. */
const windowBytes = 8 * 1024 * 1024
/** A peer that owes a reply and sends nothing for so long is given up. */
const silenceMsMax = 60_000
/** A stream that was not used for so long is closed: it holds buffers on both sides. */
const idleMsMax = 10_000

/**
 * Asks one peer for blocks, many requests in flight on one stream. The stream is opened with the first request; when it
 * fails, all that is pending fails with it and the next request opens another.
 */
export class BlockClient {
  readonly #open: () => Promise<FrameStream>
  readonly #clock: Clock
  readonly #onReceived: (bytes: number) => void
  #stream: Promise<FrameStream> | null = null
  #pending: Pending[] = []
  /** What {@link #stream} has become. */
  #opened: FrameStream | null = null
  #bytesInFlight = 0
  #waiting: (() => void)[] = []
  #lastReplyAt = 0
  #closed = false
  /** Replies on the present stream. */
  #received = 0
  #silence = new AbortController()

  constructor(deps: { open: () => Promise<FrameStream>; clock: Clock; onReceived: (bytes: number) => void }) {
    this.#open = deps.open
    this.#clock = deps.clock
    this.#onReceived = deps.onReceived
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight
  }

  /**
   * The reply to one request that asks for `blocks` blocks of `bytes` bytes in all. Waits while the window is full.
   *
   * @throws {P2psyncError} `peer-gone` when the stream fails, `bad-message` when the reply is malformed.
   */
  async request(request: BlockRequest, size: { blocks: number; bytes: number }): Promise<BlockReply> {
    while (this.#bytesInFlight > 0 && this.#bytesInFlight + size.bytes > windowBytes) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    if (this.#closed) throw gone()
    this.#bytesInFlight += size.bytes
    try {
      return await this.#exchange(request, size.blocks)
    } finally {
      this.#bytesInFlight -= size.bytes
      for (const wake of this.#waiting.splice(0)) wake()
    }
  }

  /** Gives back the frame of a reply that has been dealt with. */
  async reuse(frame: Uint8Array): Promise<void> {
    const stream = await this.#stream?.catch(() => null)
    stream?.reuse(frame)
  }

  close(): void {
    this.#closed = true
    this.#fail(gone())
  }

  async #exchange(request: BlockRequest, blocks: number): Promise<BlockReply> {
    this.#stream ??= this.#start()
    const started = this.#stream
    const stream = await started
    if (this.#stream !== started) throw gone()
    const reply = new Promise<BlockReply>((resolve, reject) => {
      if (this.#pending.length === 0) this.#lastReplyAt = this.#clock.monotonic()
      this.#pending.push({ blocks, resolve, reject })
    })
    // The send fails only with the stream, which rejects the reply too.
    stream.send(encodeBlockRequest(request, this.#received)).catch((error: unknown) => this.#failOf(stream, error))
    return reply
  }

  async #start(): Promise<FrameStream> {
    try {
      const stream = await this.#open()
      this.#opened = stream
      this.#received = 0
      this.#silence = new AbortController()
      void this.#readReplies(stream)
      void this.#watchSilence(this.#silence.signal)
      return stream
    } catch (error) {
      this.#stream = null
      throw error
    }
  }

  async #readReplies(stream: FrameStream): Promise<void> {
    try {
      for (let frame = await stream.read(); frame !== null; frame = await stream.read()) {
        const pending = this.#pending.shift()
        if (pending === undefined || frame.length > blockFrameBytesMax) {
          throw new P2psyncError('bad-message', 'a block reply that nobody asked for')
        }
        this.#received++
        this.#lastReplyAt = this.#clock.monotonic()
        this.#onReceived(frame.length)
        try {
          pending.resolve(decodeBlockReply(frame, pending.blocks))
        } catch (error) {
          pending.reject(error)
          throw error
        }
      }
      this.#failOf(stream, gone())
    } catch (error) {
      this.#failOf(stream, error)
    }
  }

  /** A stream that was given up before takes nothing with it. */
  #failOf(stream: FrameStream, error: unknown): void {
    if (this.#opened === stream) this.#fail(error)
  }

  async #watchSilence(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(5000, signal).catch(() => undefined)
      const silentMs = this.#clock.monotonic() - this.#lastReplyAt
      if (this.#pending.length > 0 && silentMs > silenceMsMax) {
        this.#fail(new P2psyncError('peer-gone', 'the device sent none of the blocks that it was asked for'))
      } else if (this.#bytesInFlight === 0 && silentMs > idleMsMax && !signal.aborted) {
        this.#rest()
      }
    }
  }

  /** Ends a stream that nobody needs now; the next request opens another. Both sides' buffers go with it. */
  #rest(): void {
    const stream = this.#opened
    this.#stream = null
    this.#opened = null
    this.#silence.abort()
    stream?.close().catch(() => undefined)
  }

  #fail(error: unknown): void {
    const stream = this.#stream
    this.#stream = null
    this.#opened = null
    this.#silence.abort()
    for (const pending of this.#pending.splice(0)) pending.reject(error)
    for (const wake of this.#waiting.splice(0)) wake()
    stream?.then(
      (open) => open.abort('the block client stopped'),
      () => undefined,
    )
  }
}

interface Pending {
  readonly blocks: number
  readonly resolve: (reply: BlockReply) => void
  readonly reject: (error: unknown) => void
}

function gone(): P2psyncError {
  return new P2psyncError('peer-gone', 'the device is no longer connected')
}
