import type { MessageStream, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { P2psyncError } from '../model/errors.ts'

/** An ordered, reliable stream of bytes, both ways. */
export interface ByteDuplex {
  write(bytes: Uint8Array): void
  /**
   * Exactly `length` bytes in a fresh array. One call at a time.
   *
   * @throws {P2psyncError} `peer-gone` when the other side ends first; the signal's reason when it is aborted.
   */
  read(length: number, signal: AbortSignal): Promise<Uint8Array>
}

/**
 * A {@link ByteDuplex} over a libp2p stream or connection for as long as it is not released. It holds at most
 * 16 KiB and one message more than it was asked for: the other side is not trusted yet.
 */
export class MessageStreamBytes implements ByteDuplex {
  readonly #stream: MessageStream
  readonly #received = new Uint8ArrayList()
  #wanted = 0
  #ended = false
  #wake: (() => void) | null = null

  constructor(stream: MessageStream) {
    this.#stream = stream
    this.#ended = stream.status !== 'open'
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('close', this.#onEnd)
    stream.addEventListener('remoteCloseWrite', this.#onEnd)
  }

  write(bytes: Uint8Array): void {
    try {
      this.#stream.send(bytes)
    } catch (cause) {
      throw gone(cause)
    }
  }

  async read(length: number, signal: AbortSignal): Promise<Uint8Array> {
    this.#wanted = length
    const wake = (): void => this.#wake?.()
    signal.addEventListener('abort', wake)
    try {
      while (this.#received.byteLength < length) {
        signal.throwIfAborted()
        if (this.#ended) throw gone()
        // First, because `resume` may deliver at once.
        const woken = new Promise<void>((resolve) => (this.#wake = resolve))
        this.#stream.resume()
        await woken
      }
    } finally {
      signal.removeEventListener('abort', wake)
      this.#wake = null
      this.#wanted = 0
    }
    const bytes = this.#received.slice(0, length)
    this.#received.consume(length)
    return bytes
  }

  /** Gives the stream back, with what was received but not read. */
  release(): void {
    this.#stream.removeEventListener('message', this.#onMessage)
    this.#stream.removeEventListener('close', this.#onEnd)
    this.#stream.removeEventListener('remoteCloseWrite', this.#onEnd)
    if (this.#received.byteLength > 0) this.#stream.unshift(this.#received)
    if (this.#stream.status === 'open') this.#stream.resume()
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    this.#received.append(event.data)
    if (this.#received.byteLength > this.#wanted + aheadBytesMax && this.#stream.status === 'open') this.#stream.pause()
    this.#wake?.()
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    this.#wake?.()
  }
}

const aheadBytesMax = 16 * 1024

function gone(cause?: unknown): P2psyncError {
  return new P2psyncError('peer-gone', 'the other device ended the connection', { cause })
}
