import { P2psyncError } from '../model/errors.ts'
import { arrayOver, ownsBuffer, reusedBytesMin } from '../model/reused-buffer.ts'

/**
 * Puts frames together from the bytes of a stream, cut anywhere: a 32-bit big-endian length, and as many bytes. A
 * length is checked before anything is set aside for its frame.
 */
export class FrameAssembly {
  readonly #frameBytesMax: number
  readonly #header = new Uint8Array(frameHeaderBytes)
  #headerFilled = 0
  #body: Uint8Array | null = null
  #bodyFilled = 0
  readonly #spare: ArrayBuffer[] = []

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax
  }

  /** Bytes of a frame that is not whole yet. */
  get pendingBytes(): number {
    return this.#headerFilled + this.#bodyFilled
  }

  /**
   * Copies `chunk` and adds the frames that it completes to `frames`, each with a buffer of its own.
   *
   * @throws {P2psyncError} `bad-message` when a frame is too long; then no more can be added.
   */
  add(chunk: Uint8Array, frames: Uint8Array[]): void {
    let at = 0
    while (at < chunk.length) {
      at += this.#body === null ? this.#fillHeader(chunk, at) : this.#fillBody(this.#body, chunk, at)
      if (this.#body !== null && this.#bodyFilled === this.#body.length) {
        frames.push(this.#body)
        this.#body = null
        this.#headerFilled = 0
        this.#bodyFilled = 0
      }
    }
  }

  /** Takes the buffer of a frame that nobody needs any more. */
  reuse(frame: Uint8Array): void {
    if (frame.length < reusedBytesMin || this.#spare.length >= spareMax || !ownsBuffer(frame)) return
    this.#spare.push(frame.buffer)
  }

  #fillHeader(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + frameHeaderBytes - this.#headerFilled)
    this.#header.set(part, this.#headerFilled)
    this.#headerFilled += part.length
    if (this.#headerFilled === frameHeaderBytes) {
      const length = new DataView(this.#header.buffer).getUint32(0)
      if (length > this.#frameBytesMax) {
        throw new P2psyncError('bad-message', `a frame of ${length} bytes where ${this.#frameBytesMax} are the most`)
      }
      const spare = length < reusedBytesMin ? null : (this.#spare.pop() ?? null)
      this.#body = arrayOver(spare, length)
    }
    return part.length
  }

  #fillBody(body: Uint8Array, chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + body.length - this.#bodyFilled)
    body.set(part, this.#bodyFilled)
    this.#bodyFilled += part.length
    return part.length
  }
}

export const frameHeaderBytes = 4
/** As many as a client has on their way through its disk. */
const spareMax = 16
