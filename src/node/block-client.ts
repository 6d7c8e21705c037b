import { P2psyncError } from '../model/errors.ts'
import { blockFrameBytesMax } from '../model/limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { Throttle } from '../ports/throttle.ts'
import type { FrameStream } from '../ports/transport.ts'
import { PeerWindow } from '../transfer/peer-window.ts'
import { decodeBlockReply, encodeBlockRequest, type BlockReply, type BlockRequest } from './block-messages.ts'

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
  readonly #throttle: Throttle
  readonly #onReceived: (bytes: number) => void
  readonly #window = new PeerWindow()
  /** Of requests that wait for leave from the throttle. */
  #reservedBytes = 0
  /** What packing leaves of a byte of blocks on the wire, of late. */
  #wireShare = 1
  #stream: Promise<FrameStream> | null = null
  #pending: Pending[] = []
  /** What {@link #stream} has become. */
  #opened: FrameStream | null = null
  #lastReplyAt = 0
  #closed = false
  readonly #closing = new AbortController()
  /** Replies on the present stream. */
  #received = 0
  #silence = new AbortController()

  constructor(deps: BlockClientDeps) {
    this.#open = deps.open
    this.#clock = deps.clock
    this.#throttle = deps.throttle
    this.#onReceived = deps.onReceived
  }

  /** Whether more blocks should be asked for now: whoever does all the same only fills the link's queue. */
  get hasRoom(): boolean {
    return !this.#closed && this.#window.inFlightBytes + this.#reservedBytes < this.#window.sizeBytes
  }

  /** How many bytes of blocks one request should ask for. */
  get portionBytes(): number {
    return this.#window.portionBytes
  }

  /** The shortest time that a reply has taken lately, in ms; null while nobody knows. */
  get latencyMs(): number | null {
    return this.#window.latencyMs
  }

  /**
   * The reply to one request that asks for `blocks` blocks of `bytes` bytes in all.
   *
   * @throws {P2psyncError} `peer-gone` when the stream fails, `bad-message` when the reply is malformed.
   */
  async request(request: BlockRequest, size: { blocks: number; bytes: number }): Promise<BlockReply> {
    this.#reservedBytes += size.bytes
    try {
      await this.#throttle.take(Math.ceil(size.bytes * this.#wireShare), this.#closing.signal)
      if (this.#closed) throw gone()
    } finally {
      this.#reservedBytes -= size.bytes
    }
    const asked = this.#window.asked(size.bytes, this.#clock.monotonic())
    let receivedBytes = 0
    try {
      const reply = await this.#exchange(request, size)
      receivedBytes = reply.bytesEnd - reply.bytesAt
      if (size.bytes > 0) this.#wireShare += (Math.min(reply.frame.length / size.bytes, 1) - this.#wireShare) / 4
      return reply
    } finally {
      this.#window.replied(asked, receivedBytes, this.#clock.monotonic())
    }
  }

  /** Gives back the frame of a reply that has been dealt with. */
  async reuse(frame: Uint8Array): Promise<void> {
    const stream = await this.#stream?.catch(() => null)
    stream?.reuse(frame)
  }

  close(): void {
    this.#closed = true
    this.#closing.abort(gone())
    this.#fail(gone())
  }

  async #exchange(request: BlockRequest, { blocks, bytes }: { blocks: number; bytes: number }): Promise<BlockReply> {
    this.#stream ??= this.#start()
    const started = this.#stream
    const stream = await started
    if (this.#stream !== started) throw gone()
    const reply = new Promise<BlockReply>((resolve, reject) => {
      if (this.#pending.length === 0) this.#lastReplyAt = this.#clock.monotonic()
      this.#pending.push({ blocks, bytes, resolve, reject })
    })
    // The send fails only with the stream, which rejects the reply too.
    stream
      .send(encodeBlockRequest(request, this.#received, 'zstd'))
      .catch((error: unknown) => this.#failOf(stream, error))
    return reply
  }

  async #start(): Promise<FrameStream> {
    try {
      const stream = await this.#open()
      this.#opened = stream
      this.#received = 0
      this.#silence = new AbortController()
      void this.#readReplies(stream)
      void this.#watchSilence(stream, this.#silence.signal)
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
          pending.resolve(decodeBlockReply(frame, pending.blocks, pending.bytes))
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

  async #watchSilence(stream: FrameStream, signal: AbortSignal): Promise<void> {
    let heardBytes = 0
    while (!signal.aborted) {
      await this.#clock.sleep(5000, signal).catch(() => undefined)
      // A large block on a slow link is no silence.
      if (stream.receivedBytes > heardBytes) this.#lastReplyAt = this.#clock.monotonic()
      heardBytes = stream.receivedBytes
      const silentMs = this.#clock.monotonic() - this.#lastReplyAt
      if (this.#pending.length > 0 && silentMs > silenceMsMax) {
        this.#fail(new P2psyncError('peer-gone', 'the device sent none of the blocks that it was asked for'))
      } else if (this.#pending.length === 0 && silentMs > idleMsMax && !signal.aborted) {
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
    stream?.then(
      (open) => open.abort('the block client stopped'),
      () => undefined,
    )
  }
}

export interface BlockClientDeps {
  readonly open: () => Promise<FrameStream>
  readonly clock: Clock
  /** Of what this peer sends us. */
  readonly throttle: Throttle
  readonly onReceived: (bytes: number) => void
}

interface Pending {
  readonly blocks: number
  readonly bytes: number
  readonly resolve: (reply: BlockReply) => void
  readonly reject: (error: unknown) => void
}

function gone(): P2psyncError {
  return new P2psyncError('peer-gone', 'the device is no longer connected')
}
