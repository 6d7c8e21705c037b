import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BlockList, encodeBlockList } from '../../src/blocks/block-list.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { zeroHash } from '../../src/blocks/zero-blocks.ts'
import { planFetch, type LocalSource } from '../../src/blocks/plan-fetch.ts'
import type { BlockHash } from '../../src/model/block-hash.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'

const hashes = Array.from({ length: 12 }, (_, i) => hashBlock(Uint8Array.of(i)))
/** Files of few different blocks, so that some repeat; the length belongs to the block. */
const anyFile = fc.array(fc.nat(11)).map((picks) => picks.map((i) => ({ hash: hashes[i]!, length: (i + 1) * 1000 })))
const anyLocal = fc
  .uniqueArray(fc.nat(11))
  .map((picks) => new Map(picks.map((i) => [hashes[i]!, { source: `f${i}` as RelativePath, sourceOffset: i * 7 }])))
const none: ReadonlyMap<BlockHash, LocalSource> = new Map()

describe('plan of a fetch', () => {
  it('covers each byte of the file exactly once', () => {
    fc.assert(
      fc.property(anyFile, anyLocal, (file, local) => {
        const list = new BlockList(encodeBlockList(file))
        const plan = planFetch(list, local, 'x')
        const placed = [
          ...plan.local.map(({ offset, length, hash }) => ({ offset, length, hash })),
          ...plan.remote.flatMap(({ offset, alsoAt, length, hash }) =>
            [offset, ...alsoAt].map((each) => ({ offset: each, length, hash })),
          ),
        ]
        const expected = file.map((block, i) => ({ offset: list.offsetAt(i), ...block }))
        expect(placed.sort((a, b) => a.offset - b.offset)).toEqual(expected)
      }),
    )
  })

  it('fetches nothing that is here and nothing twice', () => {
    fc.assert(
      fc.property(anyFile, anyLocal, (file, local) => {
        const { remote } = planFetch(new BlockList(encodeBlockList(file)), local, 'x')
        expect(remote.filter(({ hash }) => local.has(hash))).toEqual([])
        expect(new Set(remote.map(({ hash }) => hash)).size).toBe(remote.length)
      }),
    )
  })

  it('copies each local block from where it is', () => {
    const local = new Map([[hashes[1]!, { source: 'old' as RelativePath, sourceOffset: 5 }]])
    const list = new BlockList(encodeBlockList([0, 1, 1].map((i) => ({ hash: hashes[i]!, length: 10 }))))
    expect(planFetch(list, local, 'x')).toEqual({
      local: [10, 20].map((offset) => {
        return { staged: 'x', offset, length: 10, hash: hashes[1], source: 'old', sourceOffset: 5 }
      }),
      remote: [{ staged: 'x', offset: 0, length: 10, hash: hashes[0], alsoAt: [] }],
      haveBytes: 0,
      copyFrom: null,
    })
  })

  it('does not let a list pass off one hash as blocks of two lengths', () => {
    const list = new BlockList(encodeBlockList([10, 20, 20].map((length) => ({ hash: hashes[0]!, length }))))
    expect(planFetch(list, none, 'x').remote.map(({ length, alsoAt }) => ({ length, alsoAt }))).toEqual([
      { length: 10, alsoAt: [] },
      { length: 20, alsoAt: [30] },
    ])
  })
})

describe('plan of a fetch that goes on', () => {
  const mib = 1024 * 1024
  const old = 'old' as RelativePath

  it('neither copies nor fetches what is staged already', () => {
    fc.assert(
      fc.property(anyFile, anyLocal, fc.array(fc.nat(1), { minLength: 40, maxLength: 40 }), (file, local, flags) => {
        const list = new BlockList(encodeBlockList(file))
        const have = Uint8Array.from(file, (_, i) => flags[i % 40]!)
        const plan = planFetch(list, local, 'x', have)
        const places = [...plan.local, ...plan.remote, ...plan.remote.flatMap(({ alsoAt }) => alsoAt)].map((place) =>
          typeof place === 'number' ? place : place.offset,
        )
        const expected = file.map((_, i) => list.offsetAt(i)).filter((_, i) => have[i] === 0)
        expect(places.sort((a, b) => a - b)).toEqual(expected)
        expect(plan.haveBytes).toBe(file.reduce((sum, block, i) => sum + (have[i] === 1 ? block.length : 0), 0))
      }),
    )
  })

  it('says which file to copy when that holds most of the bytes at the same places', () => {
    const list = new BlockList(
      encodeBlockList(Array.from({ length: 10 }, (_, i) => ({ hash: hashes[i]!, length: mib }))),
    )
    const here = (count: number, shift = 0) =>
      new Map(
        Array.from({ length: count }, (_, i) => [hashes[i]!, { source: old, sourceOffset: list.offsetAt(i) + shift }]),
      )
    expect(planFetch(list, here(9), 'x').copyFrom).toBe(old)
    expect(planFetch(list, here(6), 'x').copyFrom).toBe(old)
    expect(planFetch(list, here(5), 'x').copyFrom).toBe(null)
    expect(planFetch(list, here(9, 1), 'x').copyFrom).toBe(null)
    // A copy would take the place of what an earlier try fetched.
    expect(planFetch(list, here(9), 'x', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 1)).copyFrom).toBe(null)
    expect(planFetch(list, here(9), 'x', new Uint8Array(10)).copyFrom).toBe(old)
  })

  it('copies no small file, and minds no zeros that were made already', () => {
    const zero = { hash: zeroHash(mib / 4), length: mib / 4 }
    const data = Array.from({ length: 5 }, (_, i) => ({ hash: hashes[i]!, length: mib }))
    const list = new BlockList(encodeBlockList([zero, ...data]))
    const here = new Map(data.map(({ hash }, i) => [hash, { source: old, sourceOffset: list.offsetAt(i + 1) }]))
    expect(planFetch(list, here, 'x', Uint8Array.of(1, 0, 0, 0, 0, 0)).copyFrom).toBe(old)
    const small = new BlockList(encodeBlockList(data.slice(0, 3)))
    const all = new Map(data.map(({ hash }, i) => [hash, { source: old, sourceOffset: i * mib }]))
    expect(planFetch(small, all, 'x').copyFrom).toBe(null)
  })
})
