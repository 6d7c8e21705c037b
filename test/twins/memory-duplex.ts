import { P2psyncError } from '../../src/model/errors.ts'
import type { ByteDuplex } from '../../src/node/byte-duplex.ts'

/** One end of a pair in memory. `sent` keeps every write, `tamper` may change it on its way. Nothing is bounded. */
export class MemoryDuplex implements ByteDuplex {
  readonly sent: Uint8Array[] = []
  tamper: (bytes: Uint8Array, index: number) => Uint8Array = (bytes) => bytes
  #received: Uint8Array = new Uint8Array(0)
  #ended = false
  #wake: () => void = () => undefined
  #other: MemoryDuplex | null = null

  static pair(): [MemoryDuplex, MemoryDuplex] {
    const [a, b] = [new MemoryDuplex(), new MemoryDuplex()]
    a.#other = b
    b.#other = a
    return [a, b]
  }

  write(bytes: Uint8Array): void {
    const changed = this.tamper(Uint8Array.from(bytes), this.sent.length)
    this.sent.push(Uint8Array.from(bytes))
    this.#other?.push(changed)
  }

  push(bytes: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, bytes])
    this.#wake()
  }

  /** Both ways: what was sent before can still be read. */
  end(): void {
    for (const side of [this, this.#other]) {
      if (side === null) continue
      side.#ended = true
      side.#wake()
    }
  }

  async read(length: number, signal: AbortSignal): Promise<Uint8Array> {
    while (this.#received.length < length) {
      if (this.#ended) throw new P2psyncError('peer-gone', 'the other end is closed')
      const woken = new Promise<void>((resolve) => (this.#wake = resolve))
      signal.addEventListener('abort', this.#wake, { once: true })
      await woken
      signal.throwIfAborted()
    }
    const bytes = Uint8Array.from(this.#received.subarray(0, length))
    this.#received = this.#received.subarray(length)
    return bytes
  }
}
