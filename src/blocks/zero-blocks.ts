import type { BlockHash } from '../model/block-hash.ts'
import { chunkParameters } from './chunk-parameters.ts'
import { hashBlock } from './hash.ts'

/** Whether there is nothing but zeros in `bytes`. A memory comparison; mostly the first byte tells. */
export function isZeros(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes[0] !== 0 || bytes[bytes.length - 1] !== 0) return bytes.length === 0
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length)
    if (Buffer.compare(part, part.length === zeros.length ? zeros : zeros.subarray(0, part.length)) !== 0) return false
  }
  return true
}

/** The hash of that many zeros; kept for the lengths asked for last. */
export function zeroHash(lengthBytes: number): BlockHash {
  let hash = known.get(lengthBytes)
  if (hash === undefined) {
    if (known.size === knownMax) known.clear()
    hash = hashBlock(new Uint8Array(lengthBytes))
    known.set(lengthBytes, hash)
  }
  return hash
}

/** The hash of a block; that of zeros costs a comparison. */
export function hashOfBlock(block: Uint8Array): BlockHash {
  return isZeros(block) ? zeroHash(block.length) : hashBlock(block)
}

/** Whether a block is known to be of zeros, of a file of which it need not be the last: most of those in a run are. */
export function isZeroBlock(
  { hash, length }: { readonly hash: BlockHash; readonly length: number },
  fileBytes: number,
): boolean {
  return length === chunkParameters(fileBytes).maxBytes && hash === zeroHash(length)
}

/** The blocks of one file, as a `BlockList` has them. */
export interface BlockSequence {
  readonly count: number
  hashAt(index: number): BlockHash
  lengthAt(index: number): number
  /** Where the block starts; at `count`, the size of the file. */
  offsetAt(index: number): number
}

/**
 * For each block 1 when it is known to be all zeros, else 0. A run of zeros is cut into the largest blocks and what is
 * left at the end of the file: only these lengths are looked at, so that a list costs two hashes, whoever made it.
 */
export function zeroBlocks(list: BlockSequence): Uint8Array {
  const flags = new Uint8Array(list.count)
  const { maxBytes } = chunkParameters(list.offsetAt(list.count))
  for (let i = 0; i < list.count; i++) {
    const length = list.lengthAt(i)
    const mayBe = length === maxBytes || (i === list.count - 1 && length < maxBytes && flags[i - 1] === 1)
    if (mayBe && list.hashAt(i) === zeroHash(length)) flags[i] = 1
  }
  return flags
}

const zeros = new Uint8Array(64 * 1024)
const known = new Map<number, BlockHash>()
const knownMax = 64
