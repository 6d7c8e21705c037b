import type { BlockList } from '../blocks/block-list.ts'
import { entryBytes } from '../blocks/block-list.ts'
import { blockHashBytes, blockHashFromBytes, type BlockHash } from '../model/block-hash.ts'

/** A block of a file whose end is not known yet. */
export interface DraftBlock {
  readonly index: number
  readonly offset: number
  readonly length: number
  readonly hash: BlockHash
}

/** The blocks that a file begins with, as a peer tells them, and which of them were staged. */
export class DraftBlocks {
  #packed = new Uint8Array(1024 * entryBytes)
  #held = new Uint8Array(1024)
  #count = 0
  #bytes = 0
  #taken = 0
  #takenBytes = 0

  get count(): number {
    return this.#count
  }

  /** The size of all of them. */
  get sizeBytes(): number {
    return this.#bytes
  }

  /** `packed`: 36 bytes a block. */
  add(packed: Uint8Array): void {
    const count = this.#count + packed.length / entryBytes
    if (count > this.#held.length) {
      this.#packed = grown(this.#packed, Math.max(count, this.#held.length * 2) * entryBytes)
      this.#held = grown(this.#held, Math.max(count, this.#held.length * 2))
    }
    this.#packed.set(packed, this.#count * entryBytes)
    for (let i = this.#count; i < count; i++) this.#bytes += this.#lengthAt(i)
    this.#count = count
  }

  /** The next blocks that nobody has taken yet: as many as there are, up to `blocksMax`. */
  take(blocksMax: number): DraftBlock[] {
    const taken: DraftBlock[] = []
    while (this.#taken < this.#count && taken.length < blocksMax) {
      const index = this.#taken++
      const length = this.#lengthAt(index)
      taken.push({ index, offset: this.#takenBytes, length, hash: this.#hashAt(index) })
      this.#takenBytes += length
    }
    return taken
  }

  hold(indexes: Iterable<number>): void {
    for (const index of indexes) this.#held[index] = 1
  }

  /** For each block of the whole list, 1 where the same block was staged at its place. */
  heldOf(list: BlockList): Uint8Array {
    const held = new Uint8Array(list.count)
    const count = Math.min(list.count, this.#count)
    // Up to the first difference the offsets are the same.
    for (let i = 0; i < count; i++) {
      if (list.lengthAt(i) !== this.#lengthAt(i) || list.hashAt(i) !== this.#hashAt(i)) break
      held[i] = this.#held[i]!
    }
    return held
  }

  #hashAt(index: number): BlockHash {
    return blockHashFromBytes(this.#packed.subarray(index * entryBytes, index * entryBytes + blockHashBytes))
  }

  #lengthAt(index: number): number {
    return new DataView(this.#packed.buffer).getUint32(index * entryBytes + blockHashBytes)
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length)
  larger.set(bytes)
  return larger
}
