import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BlockList,
  decodeBlockList,
  encodeBlockList,
  entryBytes,
  listBytesMax,
  listHeader,
} from '../../src/blocks/block-list.ts'
import { chunkParameters } from '../../src/blocks/chunk-parameters.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { blockHashFromBytes, type BlockHash } from '../../src/model/block-hash.ts'
import { blockBytesMax, blockListBytesMax } from '../../src/model/limits.ts'
import vectors from '../vectors/block-list.json' with { type: 'json' }

const anyHash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(blockHashFromBytes)
const anyBlocks = fc.array(fc.record({ hash: anyHash, length: fc.integer({ min: 1, max: blockBytesMax }) }))
const two = encodeBlockList([
  { hash: hashBlock(Uint8Array.of(1)), length: 100 },
  { hash: hashBlock(Uint8Array.of(2)), length: 200 },
])

it.each([1_000_000, 4_000_000, 2 ** 30, 2 ** 30 + 1, 2 ** 34])(
  'has room for the shortest blocks of %i bytes, and little more',
  (sizeBytes) => {
    const { minBytes } = chunkParameters(sizeBytes)
    const encoded = listHeader.length + Math.ceil(sizeBytes / minBytes) * entryBytes
    expect(listBytesMax(sizeBytes)).toBeGreaterThanOrEqual(encoded)
    expect(listBytesMax(sizeBytes)).toBeLessThanOrEqual(encoded + entryBytes)
  },
)

describe('block list', () => {
  it('comes back as it was encoded', () => {
    fc.assert(
      fc.property(anyBlocks, (blocks) => {
        const list = decodeBlockList(encodeBlockList(blocks), size(blocks))
        expect(blocksOf(list)).toEqual(blocks)
        expect(list.count).toBe(blocks.length)
      }),
    )
  })

  it('knows where each block starts, and the size of the file', () => {
    fc.assert(
      fc.property(anyBlocks, (blocks) => {
        const list = decodeBlockList(encodeBlockList(blocks), size(blocks))
        for (let i = 0; i <= blocks.length; i++) expect(list.offsetAt(i)).toBe(size(blocks.slice(0, i)))
      }),
    )
  })

  it('never changes its golden encoding', () => {
    for (const vector of vectors.cases) {
      const blocks = vector.blocks.map(({ hash, length }) => ({ hash: hash as BlockHash, length }))
      const encoded = encodeBlockList(blocks)
      expect(Buffer.from(encoded).toString('hex')).toBe(vector.encoded)
      expect(hashBlock(encoded)).toBe(vector.content)
      expect(blocksOf(decodeBlockList(Buffer.from(vector.encoded, 'hex'), vector.sizeBytes))).toEqual(blocks)
    }
  })

  it('reads a list that lies anywhere in a larger buffer', () => {
    const buffer = new Uint8Array(two.length + 10)
    buffer.set(two, 7)
    expect(blocksOf(decodeBlockList(buffer.subarray(7, 7 + two.length), 300))).toEqual(blocksOf(new BlockList(two)))
  })

  it('is accepted only for the size of its file', () => {
    fc.assert(
      fc.property(anyBlocks, fc.nat(2 ** 31), (blocks, sizeBytes) => {
        fc.pre(sizeBytes !== size(blocks))
        expect(() => decodeBlockList(encodeBlockList(blocks), sizeBytes)).toThrow(/announced/)
      }),
    )
  })

  it('is refused when any byte of its header differs', () => {
    for (let i = 0; i < 6; i++) {
      const bytes = two.slice()
      bytes[i]! ^= 1
      expect(() => decodeBlockList(bytes, 300)).toThrow(/unknown header/)
    }
  })

  it('is refused when it is cut off anywhere or has bytes too many', () => {
    for (let length = 0; length < two.length; length++) {
      expect(() => decodeBlockList(two.subarray(0, length), 300)).toThrow(/block list/)
    }
    expect(() => decodeBlockList(Buffer.concat([two, Buffer.alloc(1)]), 300)).toThrow(/in the middle/)
  })

  it('is refused with an empty block or one that is too large', () => {
    const hash = hashBlock(Uint8Array.of(1))
    for (const length of [0, blockBytesMax + 1, 2 ** 32 - 1]) {
      expect(() => decodeBlockList(encodeBlockList([{ hash, length }]), length)).toThrow(/a block of/)
    }
  })

  it('is refused when it is larger than a list may be', () => {
    const bytes = new Uint8Array(blockListBytesMax + 1)
    bytes.set(two)
    expect(() => decodeBlockList(bytes, 300)).toThrow(/are the most/)
  })

  it('has a code that ends a session of a peer, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(10_000), (bytes, sizeBytes) => {
        expect(() => decodeBlockList(bytes, sizeBytes)).toThrow(expect.objectContaining({ code: 'bad-message' }))
      }),
    )
  })
})

function size(blocks: readonly { readonly length: number }[]): number {
  return blocks.reduce((sum, block) => sum + block.length, 0)
}

function blocksOf(list: BlockList): { hash: BlockHash; length: number }[] {
  return Array.from({ length: list.count }, (_, i) => ({ hash: list.hashAt(i), length: list.lengthAt(i) }))
}
