import type { BlockHash } from '../model/block-hash.ts'
import type { BlockSequence } from './zero-blocks.ts'

/**
 * Which block may come next in a file of which an earlier version was cut with the same parameters?
 *
 * Where a block ends is told by its own bytes alone (BlockCutter): whoever finds, where a block begins, the bytes of an
 * earlier one, has found the very block that cutting would give, at the cost of hashing it, a third of that of cutting.
 * Only the last block of a file ends for another reason.
 */
export class EarlierBlocks {
  readonly #list: BlockSequence
  #next = 0
  #misses = 0
  #indexOf: Map<BlockHash, number> | null = null

  constructor(list: BlockSequence) {
    this.#list = list
  }

  /** What may begin at `offset` of a file of `sizeBytes`; null when nothing is expected there. */
  expected(offset: number, sizeBytes: number): { readonly hash: BlockHash; readonly length: number } | null {
    const at = this.#next
    if (at >= this.#list.count || this.#misses >= missesMax) return null
    const length = this.#list.lengthAt(at)
    const end = offset + length
    const endedTheFile = at === this.#list.count - 1
    return end > sizeBytes || (endedTheFile && end !== sizeBytes) ? null : { hash: this.#list.hashAt(at), length }
  }

  /** What was expected has come. */
  came(): void {
    this.#next++
    this.#misses = 0
  }

  /** A block that was found by cutting has come instead: what followed it in the earlier version is expected. */
  cut(hash: BlockHash): void {
    this.#indexOf ??= indexOf(this.#list)
    const index = this.#indexOf.get(hash)
    this.#next = (index ?? this.#next) + 1
    this.#misses = index === undefined ? this.#misses + 1 : 0
  }
}

/** After so many blocks that were not in the earlier version each, nothing is expected before one that was. */
const missesMax = 8

function indexOf(list: BlockSequence): Map<BlockHash, number> {
  const indices = new Map<BlockHash, number>()
  for (let i = 0; i < list.count; i++) indices.set(list.hashAt(i), i)
  return indices
}
