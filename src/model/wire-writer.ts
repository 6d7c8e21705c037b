/**
 * Writes the protocol-buffers wire format (varint and length-delimited fields only), fields in ascending order, zero
 * values left out: equal messages have equal bytes.
 */
export class WireWriter {
  #bytes: Buffer
  #length = 0

  constructor(capacityBytes = 256) {
    // Not zeroed: only what was written leaves.
    this.#bytes = Buffer.allocUnsafe(capacityBytes)
  }

  get length(): number {
    return this.#length
  }

  /** An unsigned integer below 2^53. */
  uint(field: number, value: number): this {
    if (value === 0) return this
    this.#varint(field * 8)
    return this.#varint(value)
  }

  /** A signed integer within 2^52, zig-zag. */
  sint(field: number, value: number): this {
    return this.uint(field, value < 0 ? -value * 2 - 1 : value * 2)
  }

  bool(field: number, value: boolean): this {
    return this.uint(field, value ? 1 : 0)
  }

  bytes(field: number, value: Uint8Array): this {
    if (value.length === 0) return this
    return this.element(field, value)
  }

  string(field: number, value: string): this {
    if (value === '') return this
    const length = Buffer.byteLength(value)
    this.#header(field, length)
    this.#length += this.#bytes.write(value, this.#length, length, 'utf8')
    return this
  }

  /** One element of a repeated field: written even when it is empty. */
  element(field: number, value: Uint8Array): this {
    this.#header(field, value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  /** The header of a message of `length` bytes, which are written next. */
  message(field: number, length: number): this {
    this.#header(field, length)
    return this
  }

  /** The bytes of which `text` is the URL-safe base64 without padding. */
  base64(field: number, text: string): this {
    const length = Math.floor((text.length * 3) / 4)
    this.#header(field, length)
    this.#length += this.#bytes.write(text, this.#length, length, 'base64url')
    return this
  }

  /** What was written: a view, until more is written or it is cleared. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Begins anew with the same memory, unless that has grown large. */
  clear(): this {
    this.#length = 0
    if (this.#bytes.length > keptBytesMax) this.#bytes = Buffer.allocUnsafe(256)
    return this
  }

  /** A fresh array with what was written. */
  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#length))
  }

  #header(field: number, length: number): void {
    this.#varint(field * 8 + 2)
    this.#varint(length)
    this.#reserve(length)
  }

  #varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no unsigned integer`)
    this.#reserve(8)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) + 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
    return this
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}

const keptBytesMax = 64 * 1024

/** How many bytes an unsigned integer takes. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}
