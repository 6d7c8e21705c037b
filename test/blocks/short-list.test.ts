import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBlockList } from '../../src/blocks/block-list.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { guessList, shortFormOf } from '../../src/blocks/short-list.ts'

/** A block of its own for each number. */
function block(number: number): { hash: ReturnType<typeof hashBlock>; length: number } {
  return { hash: hashBlock(Uint8Array.of(number, number >> 8)), length: 1 + number }
}

const numbers = fc.array(fc.nat({ max: 300 }), { maxLength: 60 })

describe('the short form of a block list', () => {
  it('has six bytes a block, and none for an empty list', () => {
    const list = encodeBlockList([block(1), block(2)])
    expect(Buffer.from(shortFormOf(list))).toEqual(Buffer.concat([list.subarray(6, 12), list.subarray(42, 48)]))
    expect(shortFormOf(encodeBlockList([])).length).toBe(0)
  })

  it('makes the list again, with what the other version has not got', () => {
    fc.assert(
      fc.property(numbers, numbers, (wanted, there) => {
        const list = encodeBlockList(wanted.map(block))
        const { encoded, gaps } = guessList(shortFormOf(list), encodeBlockList(there.map(block)))
        for (const { offset, length } of gaps) encoded.set(list.subarray(offset, offset + length), offset)
        expect(Buffer.from(encoded).equals(list)).toBe(true)
        const known = new Set(there)
        const unknown = wanted.filter((number) => !known.has(number)).length
        expect(gaps.reduce((sum, gap) => sum + gap.length, 0)).toBe(unknown * 36)
      }),
    )
  })

  it('joins entries that follow one another to one gap', () => {
    const list = encodeBlockList([1, 2, 3, 4, 5].map(block))
    const { gaps } = guessList(shortFormOf(list), encodeBlockList([block(1), block(5)]))
    expect(gaps).toEqual([{ offset: 6 + 36, length: 3 * 36 }])
  })

  it('that ends in the middle of an entry is refused', () => {
    expect(() => guessList(new Uint8Array(7), encodeBlockList([]))).toThrow('no short block list')
  })
})
