import { P2psyncError } from '../model/errors.ts'
import type { Random } from '../ports/random.ts'
import type { ByteDuplex } from './byte-duplex.ts'

/** A process with our device key runs on a copy of our state directory. */
export class OwnKeyElsewhere extends Error {
  override readonly name = 'OwnKeyElsewhere'
}

/**
 * Who is at the other end of a connection that has proved our own device key: this very process, which has dialled itself, or
 * another one, on a copy of its state?
 *
 *   1  A -> B   16 random bytes
 *   2  B -> A   1 when B itself is waiting for the answer to just these bytes, else 0
 *   3  A -> B   1 byte, so that B ends the connection no sooner than A knows
 *
 * Nothing but bytes of the moment tell the two apart: whatever a process remembers, a copy of a whole machine does too.
 */
export class OwnKey {
  readonly #asked = new Set<string>()
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /**
   * Never returns, for neither is a peer.
   *
   * @throws {OwnKeyElsewhere} for another process; {P2psyncError} `wrong-key` for this one, `peer-gone` or `bad-message` when
   * it cannot be told; the signal's reason when that is aborted.
   */
  async meet(duplex: ByteDuplex, role: 'initiator' | 'responder', signal: AbortSignal): Promise<never> {
    const isOurs = role === 'initiator' ? await this.#ask(duplex, signal) : await this.#answer(duplex, signal)
    if (!isOurs) throw new OwnKeyElsewhere('another process has the key of this device')
    throw new P2psyncError('wrong-key', 'a device connected to itself')
  }

  async #ask(duplex: ByteDuplex, signal: AbortSignal): Promise<boolean> {
    const bytes = this.#random.bytes(questionBytes)
    const question = textOf(bytes)
    this.#asked.add(question)
    try {
      duplex.write(bytes)
      const [answer] = await duplex.read(1, signal)
      if (answer !== 0 && answer !== 1) throw new P2psyncError('bad-message', 'neither yes nor no')
      duplex.write(Uint8Array.of(0))
      return answer === 1
    } finally {
      this.#asked.delete(question)
    }
  }

  async #answer(duplex: ByteDuplex, signal: AbortSignal): Promise<boolean> {
    const isOurs = this.#asked.has(textOf(await duplex.read(questionBytes, signal)))
    duplex.write(Uint8Array.of(isOurs ? 1 : 0))
    await duplex.read(1, signal).catch(() => undefined)
    return isOurs
  }
}

const questionBytes = 16

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
