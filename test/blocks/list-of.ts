import { decodeBlockList, encodeBlockList, type BlockList } from '../../src/blocks/block-list.ts'
import { chunkParameters } from '../../src/blocks/chunk-parameters.ts'
import { gearTable } from '../../src/blocks/gear-table.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { referenceCuts } from './reference-cuts.ts'

/** The encoded list of a file of these bytes, cut as one of `sizeBytes` is. */
export function encodedListOf(bytes: Uint8Array, sizeBytes = bytes.length): Uint8Array {
  let offset = 0
  const blocks = referenceCuts(bytes, gearTable(), chunkParameters(sizeBytes)).map((length) => {
    offset += length
    return { hash: hashBlock(bytes.subarray(offset - length, offset)), length }
  })
  return encodeBlockList(blocks)
}

export function listOf(bytes: Uint8Array): BlockList {
  return decodeBlockList(encodedListOf(bytes), bytes.length)
}
