import { P2psyncError } from './errors.ts'

/**
 * Reads what {@link WireWriter} writes, from a peer that may send anything: every length is checked against what is
 * there before it is used, integers against 2^53, text against UTF-8. Byte arrays that it returns are views.
 *
 * ```ts
 * const reader = new WireReader(bytes)
 * for (let field = reader.next(); field !== 0; field = reader.next()) {
 *   if (field === 1) name = reader.string(64)
 *   else reader.skip()
 * }
 * ```
 */
export class WireReader {
  readonly #bytes: Uint8Array
  #at = 0
  #wireType = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The number of the next field, or 0 at the end. Read or skip its value before you call it again. */
  next(): number {
    if (this.#at === this.#bytes.length) return 0
    const header = this.#varint()
    this.#wireType = header % 8
    const field = Math.floor(header / 8)
    if (field === 0 || (this.#wireType !== 0 && this.#wireType !== 2)) throw bad('a field of an unknown type')
    return field
  }

  uint(max = Number.MAX_SAFE_INTEGER): number {
    if (this.#wireType !== 0) throw bad('bytes where a number belongs')
    const value = this.#varint()
    if (value > max) throw bad(`the number ${value} where ${max} is the most`)
    return value
  }

  sint(): number {
    const value = this.uint()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }

  bool(): boolean {
    return this.uint(1) === 1
  }

  bytes(lengthMax: number): Uint8Array {
    if (this.#wireType !== 2) throw bad('a number where bytes belong')
    const length = this.#varint()
    if (length > lengthMax) throw bad(`${length} bytes where ${lengthMax} are the most`)
    if (length > this.#bytes.length - this.#at) throw bad('a field that is longer than its message')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  string(bytesMax: number): string {
    try {
      return utf8.decode(this.bytes(bytesMax))
    } catch (error) {
      if (error instanceof P2psyncError) throw error
      throw bad('text that is not UTF-8')
    }
  }

  skip(): void {
    if (this.#wireType === 0) this.#varint()
    else this.bytes(Number.MAX_SAFE_INTEGER)
  }

  #varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw bad('a message that ends in the middle')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER || (byte === 0 && i > 0)) throw bad('a number that is not in shortest form')
        return value
      }
      scale *= 0x80
    }
    throw bad('a number of more than 53 bits')
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function bad(what: string): P2psyncError {
  return new P2psyncError('bad-message', `the message has ${what}`)
}
