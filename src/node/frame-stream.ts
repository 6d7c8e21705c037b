import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { assert, P2psyncError } from '../model/errors.ts'
import type { FrameStream } from '../ports/transport.ts'
import { FrameAssembly, frameHeaderBytes } from './frame-assembly.ts'

export interface FrameStreamOptions {
  /** The longest frame either way. */
  readonly frameBytesMax: number
}

/**
 * Frames over a libp2p stream: a 32-bit big-endian length, and as many bytes. Create it as soon as the stream is there,
 * before anything is awaited: it takes over the stream's events.
 *
 * A frame that `read` returns has a buffer of its own, so it can be transferred. At most
 * 256 KiB beyond the frame that is being read are taken from the stream, and at most 256 KiB beyond the frames that are
 * being sent wait in it; the window of the multiplexer adds to both.
 *
 * `onDrain`, `for await` and `lpStream` of js-libp2p 3 do not keep back-pressure; this waits for `drain`, `idle` or
 * `close` and looks at `writeBufferLength`, and pauses the stream while nobody reads.
 */
export class Libp2pFrameStream implements FrameStream {
  readonly #stream: Stream
  readonly #frameBytesMax: number
  readonly #frames: Uint8Array[] = []
  readonly #assembly: FrameAssembly
  #readyBytes = 0
  #receivedBytes = 0
  #reading = false
  #wakeReader: (() => void) | null = null
  #wakeWriter: (() => void) | null = null
  #sending: Promise<unknown> | null = null
  #peerEnded: boolean
  #ended = false
  #closing = false
  #failure: P2psyncError | null = null

  constructor(stream: Stream, options: FrameStreamOptions) {
    this.#stream = stream
    this.#frameBytesMax = options.frameBytesMax
    this.#assembly = new FrameAssembly(options.frameBytesMax)
    this.#peerEnded = stream.status === 'open' && stream.remoteWriteStatus === 'closed'
    stream.addEventListener('remoteCloseWrite', () => (this.#peerEnded = true))
    stream.addEventListener('end', this.#onEnd)
    stream.addEventListener('close', this.#onClose)
    stream.addEventListener('drain', this.#onDrain)
    stream.addEventListener('idle', this.#onDrain)
    stream.addEventListener('message', this.#onMessage)
    if (stream.readableEnded) this.#onEnd()
    if (stream.status === 'aborted' || stream.status === 'reset') this.#fail(gone())
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  async send(...parts: readonly Uint8Array[]): Promise<void> {
    const frame = this.#frame(parts)
    if (this.#closing) throw gone()
    const sent = this.#sending === null ? this.#write(frame) : this.#sending.then(() => this.#write(frame))
    if (sent === null) return
    const settled = sent.catch(() => undefined)
    this.#sending = settled
    try {
      await sent
    } finally {
      if (this.#sending === settled) this.#sending = null
    }
  }

  /** One call at a time. */
  async read(): Promise<Uint8Array | null> {
    assert(!this.#reading, 'a frame stream is read by two')
    this.#reading = true
    try {
      for (;;) {
        const frame = this.#frames.shift()
        if (frame !== undefined) {
          this.#readyBytes -= weight(frame)
          return frame
        }
        if (this.#failure !== null) throw this.#failure
        if (this.#ended) return null
        // First, because `resume` may deliver at once.
        const woken = new Promise<void>((resolve) => (this.#wakeReader = resolve))
        if (this.#stream.readStatus === 'paused') this.#stream.resume()
        await woken
        this.#wakeReader = null
      }
    } finally {
      this.#wakeReader = null
      this.#reading = false
    }
  }

  reuse(frame: Uint8Array): void {
    this.#assembly.reuse(frame)
  }

  /** @throws {P2psyncError} `peer-gone` when something that was sent could not be handed over. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    await this.#sending
    try {
      await this.#stream.close()
    } catch (cause) {
      throw gone(cause)
    }
  }

  abort(reason: string): void {
    this.#frames.length = 0
    this.#fail(new P2psyncError('peer-gone', `the stream was aborted: ${reason}`))
  }

  #frame(parts: readonly Uint8Array[]): Uint8ArrayList {
    const header = new Uint8Array(frameHeaderBytes)
    const frame = new Uint8ArrayList(header, ...parts)
    const length = frame.byteLength - frameHeaderBytes
    if (length > this.#frameBytesMax) {
      throw new P2psyncError('limit', `a frame of ${length} bytes where ${this.#frameBytesMax} are the most`)
    }
    new DataView(header.buffer).setUint32(0, length)
    return frame
  }

  /** Null when the stream takes more at once. */
  #write(frame: Uint8ArrayList): Promise<void> | null {
    if (this.#failure !== null) throw this.#failure
    try {
      this.#stream.send(frame)
    } catch (cause) {
      throw gone(cause)
    }
    return this.#stream.writeBufferLength > queuedBytesMax ? this.#drained() : null
  }

  async #drained(): Promise<void> {
    while (this.#stream.writeBufferLength > queuedBytesMax) {
      if (this.#stream.writeStatus === 'closed') throw this.#failure ?? gone()
      await new Promise<void>((resolve) => (this.#wakeWriter = resolve))
    }
    if (this.#failure !== null) throw this.#failure
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    if (this.#failure !== null) return
    const before = this.#frames.length
    try {
      for (const chunk of event.data instanceof Uint8Array ? [event.data] : event.data) {
        this.#receivedBytes += chunk.length
        this.#assembly.add(chunk, this.#frames)
      }
    } catch (error) {
      this.#fail(error instanceof P2psyncError ? error : gone(error))
      return
    }
    for (let i = before; i < this.#frames.length; i++) this.#readyBytes += weight(this.#frames[i]!)
    const awaited = this.#wakeReader !== null && this.#frames.length === 0
    if (!awaited && this.#readyBytes + this.#assembly.pendingBytes > aheadBytesMax) this.#pause()
    if (!awaited) this.#wakeReader?.()
  }

  #pause(): void {
    if (this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  readonly #onEnd = (): void => {
    if (this.#peerEnded && this.#assembly.pendingBytes === 0) this.#ended = true
    else this.#fail(gone())
    this.#wakeReader?.()
  }

  readonly #onClose = (event: StreamCloseEvent): void => {
    if (event.error !== undefined) this.#fail(gone(event.error))
    // What a paused stream still holds, the next `read` gets; its end comes after that.
    else if (!this.#stream.readableEnded && this.#stream.readBufferLength === 0) this.#onEnd()
    this.#onDrain()
  }

  readonly #onDrain = (): void => {
    this.#wakeWriter?.()
  }

  #fail(failure: P2psyncError): void {
    if (this.#failure !== null) return
    this.#failure = failure
    this.#stream.abort(failure)
    this.#wakeReader?.()
    this.#wakeWriter?.()
  }
}

const queuedBytesMax = 256 * 1024
const aheadBytesMax = 256 * 1024

/** What a frame costs while it waits: an empty one is not free. */
function weight(frame: Uint8Array): number {
  return frame.length + 64
}

function gone(cause?: unknown): P2psyncError {
  return new P2psyncError('peer-gone', 'the other device has closed the stream', { cause })
}
