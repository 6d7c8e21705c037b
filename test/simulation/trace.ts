/** A hash of everything that happens, in its order: equal for two runs that do the same. */
export class Trace {
  #a = 0x811c9dc5
  #b = 0x9e3779b9
  #events = 0

  add(text: string): void {
    this.#events++
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i))
    this.#mix(0x1f)
  }

  addBytes(bytes: Uint8Array): void {
    for (const byte of bytes) this.#mix(byte)
    this.#mix(0x1e)
  }

  get hash(): string {
    const hex = (number: number): string => (number >>> 0).toString(16).padStart(8, '0')
    return `${this.#events}:${hex(this.#a)}${hex(this.#b)}`
  }

  #mix(code: number): void {
    this.#a = Math.imul(this.#a ^ code, 0x01000193)
    this.#b = (Math.imul(this.#b, 31) + code + (this.#a >>> 15)) | 0
  }
}
