import { StreamMessageEvent, type MessageStream } from '@libp2p/interface'
import { expect, it } from 'vitest'
import { MessageStreamBytes } from '../../src/node/byte-duplex.ts'

const never = new AbortController().signal
const KiB = 1024

/** Delivers messages of 4 KiB as long as it is not paused, as many as were set. */
class Flood extends EventTarget {
  readonly status = 'open'
  left = 0
  delivered = 0
  #isPaused = false

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.deliver()
  }

  deliver(): void {
    while (!this.#isPaused && this.left > 0) {
      this.left--
      this.delivered += 4 * KiB
      this.dispatchEvent(new StreamMessageEvent(new Uint8Array(4 * KiB)))
    }
  }
}

it('takes 16 KiB and one message more than it was asked for, however much is sent', async () => {
  const flood = new Flood()
  const bytes = new MessageStreamBytes(flood as unknown as MessageStream)
  flood.left = 10_000
  flood.deliver()
  expect(flood.delivered).toBeLessThanOrEqual(20 * KiB)
  for (let read = 0; read < 1024 * KiB; read += 100 * KiB) {
    expect((await bytes.read(100 * KiB, never)).length).toBe(100 * KiB)
    expect(flood.delivered - read - 100 * KiB).toBeLessThanOrEqual(20 * KiB)
  }
})
