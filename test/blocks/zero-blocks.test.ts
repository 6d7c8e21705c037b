import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BlockList, encodeBlockList } from '../../src/blocks/block-list.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { isZeros, zeroBlocks, zeroHash } from '../../src/blocks/zero-blocks.ts'
import { listOf } from './list-of.ts'
import { pseudoRandom } from './pseudo-random.ts'

const kib = 1024

describe('zeros', () => {
  it('are told from bytes of which a single one is not zero', () => {
    const anyPlace = fc.integer({ min: 1, max: 200 * kib }).chain((length) => {
      return fc.record({ length: fc.constant(length), at: fc.nat(length - 1) })
    })
    fc.assert(
      fc.property(anyPlace, ({ length, at }) => {
        const bytes = new Uint8Array(length)
        expect(isZeros(bytes)).toBe(true)
        bytes[at] = 1
        expect(isZeros(bytes)).toBe(false)
      }),
      { examples: [[{ length: 64 * kib, at: 64 * kib - 2 }], [{ length: 128 * kib + 2, at: 128 * kib }]] },
    )
    expect(isZeros(new Uint8Array(0))).toBe(true)
  })

  it('have the hash of so many zeros, however many lengths are asked for', () => {
    for (let length = 1; length < 200; length++) {
      expect(zeroHash(length), `${length}`).toBe(hashBlock(new Uint8Array(length)))
      expect(zeroHash(7)).toBe(hashBlock(new Uint8Array(7)))
    }
  })
})

describe('zero blocks of a list', () => {
  it('are all blocks of a file that is one hole', () => {
    for (const sizeBytes of [64 * kib + 1, 256 * kib, 1024 * kib, 1024 * kib + 1]) {
      const list = listOf(new Uint8Array(sizeBytes))
      expect(list.count).toBe(Math.ceil(sizeBytes / (256 * kib)))
      expect([...zeroBlocks(list)].slice(0, Math.floor(sizeBytes / (256 * kib)))).not.toContain(0)
    }
    expect(zeroBlocks(listOf(new Uint8Array(1000 * kib)))).toEqual(Uint8Array.of(1, 1, 1, 1))
  })

  it('leave at most the blocks at its edges of a hole in a file', () => {
    const bytes = new Uint8Array(8192 * kib)
    bytes.set(pseudoRandom('front', 300_000))
    bytes.set(pseudoRandom('back', 300_000), 7000 * kib)
    const list = listOf(bytes)
    const flags = zeroBlocks(list)
    let zeroBytes = 0
    for (let i = 0; i < list.count; i++) {
      const isZero = isZeros(bytes.subarray(list.offsetAt(i), list.offsetAt(i + 1)))
      if (flags[i] === 1) expect(isZero).toBe(true)
      if (flags[i] === 1) zeroBytes += list.lengthAt(i)
    }
    expect(zeroBytes).toBeGreaterThan(8192 * kib - 600_000 - 6 * 256 * kib)
  })

  it('are none of a list whose hashes say otherwise, or whose lengths are not those of a hole', () => {
    const other = hashBlock(Uint8Array.of(1))
    const whole = { hash: other, length: 256 * kib }
    expect(zeroBlocks(new BlockList(encodeBlockList([whole, whole])))).toEqual(Uint8Array.of(0, 0))
    const odd = Array.from({ length: 5 }, (_, i) => ({ hash: zeroHash(1000 + i), length: 1000 + i }))
    expect(zeroBlocks(new BlockList(encodeBlockList(odd)))).toEqual(new Uint8Array(5))
    expect(zeroBlocks(new BlockList(encodeBlockList([])))).toEqual(new Uint8Array(0))
  })
})
