import { P2psyncError } from '../model/errors.ts'
import { controlFrameBytesMax, pathBytesMax } from '../model/limits.ts'

/** A key of a listing and what belongs to it, of a length that both sides know. */
export interface ListedKey {
  readonly key: Uint8Array
  readonly tail: Uint8Array
}

/**
 * Packs the lists of one message, in which neighbours have long beginnings in common. For each key: how many bytes it
 * shares with the key before it, also with that of an earlier list (2 bytes), how many follow (2), those, and its tail.
 */
export class FrontCoder {
  #previous: Uint8Array = new Uint8Array(0)

  /** In a fresh array. */
  pack(list: readonly ListedKey[]): Uint8Array {
    const sizeMax = list.reduce((sum, { key, tail }) => sum + headBytes + key.length + tail.length, 0)
    const bytes = Buffer.allocUnsafe(sizeMax)
    let at = 0
    for (const { key, tail } of list) {
      const shared = sharedLength(this.#previous, key)
      at = bytes.writeUInt16BE(shared, at)
      at = bytes.writeUInt16BE(key.length - shared, at)
      bytes.set(key.subarray(shared), at)
      at += key.length - shared
      bytes.set(tail, at)
      at += tail.length
      this.#previous = key
    }
    return bytes.subarray(0, at)
  }
}

/**
 * Unpacks the lists of one message. What a peer sends may grow to {@link keysBytesMax} in all, whatever it claims to share,
 * and has one form only: as much is shared as can be.
 */
export class FrontDecoder {
  readonly #tailBytes: number
  #previous: Uint8Array = new Uint8Array(0)
  #bytesLeft = keysBytesMax

  constructor(tailBytes: number) {
    this.#tailBytes = tailBytes
  }

  /** In fresh arrays. @throws {P2psyncError} `bad-message`. */
  unpack(list: Uint8Array): ListedKey[] {
    const bytes = Buffer.from(list.buffer, list.byteOffset, list.byteLength)
    const keys: ListedKey[] = []
    for (let at = 0; at < bytes.length;) {
      if (bytes.length - at < headBytes) throw bad('ends in the middle')
      const shared = bytes.readUInt16BE(at)
      const restLength = bytes.readUInt16BE(at + 2)
      at += headBytes
      if (bytes.length - at < restLength + this.#tailBytes) throw bad('ends in the middle')
      const key = this.#key(shared, bytes.subarray(at, at + restLength))
      at += restLength
      keys.push({ key, tail: new Uint8Array(bytes.subarray(at, at + this.#tailBytes)) })
      at += this.#tailBytes
    }
    return keys
  }

  #key(shared: number, rest: Uint8Array): Uint8Array {
    const previous = this.#previous
    if (shared > previous.length) throw bad('shares more than there is')
    if (shared < previous.length && rest.length > 0 && previous[shared] === rest[0]) throw bad('repeats what is shared')
    const length = shared + rest.length
    if (length > pathBytesMax) throw bad('has a key that is too long')
    this.#bytesLeft -= length
    if (this.#bytesLeft < 0) throw bad(`has keys of more than ${keysBytesMax} bytes`)
    const key = new Uint8Array(length)
    key.set(previous.subarray(0, shared))
    key.set(rest, shared)
    this.#previous = key
    return key
  }
}

/** All keys of one message, unpacked: no more than a frame could hold without packing. */
export const keysBytesMax = controlFrameBytesMax

const headBytes = 4

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i
  return length
}

function bad(what: string): P2psyncError {
  return new P2psyncError('bad-message', `a list of keys ${what}`)
}
