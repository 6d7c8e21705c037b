import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ContentTable } from '../../src/file-index/content-table.ts'

/** Few buckets and fewer contents, so that they meet. */
const someHalf = fc.constantFrom(1, 2, 1025, 0xffff_ffff)
const someStep = fc.record({ high: someHalf, low: someHalf, drops: fc.boolean() })

describe('the table of contents', () => {
  it('tells the changes of each content that were added and not dropped, of those that came last first', () => {
    fc.assert(
      fc.property(fc.array(someStep, { maxLength: 60 }), (steps) => {
        const table = new ContentTable()
        const expected = new Map<string, number[]>()
        for (const [seq, { high, low, drops }] of steps.entries()) {
          const name = `${high} ${low}`
          const seqs = expected.get(name) ?? []
          if (drops) table.drop(high, low, new Set(seqs.splice(0, 2)))
          else table.add(seq, high, low)
          if (!drops) seqs.unshift(seq)
          expected.set(name, seqs)
          for (const [other, left] of expected) {
            const [h, l] = other.split(' ').map(Number)
            expect([...table.find(h!, l!)]).toEqual(left)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  it('finds all of them when it has grown', () => {
    const table = new ContentTable()
    for (let n = 0; n < 5000; n++) table.add(n, Math.floor(n / 2) * 7919, n % 2)
    expect(table.size).toBe(5000)
    for (let n = 0; n < 5000; n++) expect([...table.find(Math.floor(n / 2) * 7919, n % 2)]).toEqual([n])
  })
})
