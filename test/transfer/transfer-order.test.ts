import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noOrder } from '../../src/model/folder-order.ts'
import { mediumBytesMax, pathMatcher, smallBytesMax, transferOrder } from '../../src/transfer/transfer-order.ts'
import { fileRecord, tombstone } from '../node/sample-record.ts'

const now = Date.UTC(2030, 0, 1)
const hour = 60 * 60 * 1000
const day = 24 * hour

describe('a pattern', () => {
  it.each([
    ['*.txt', ['a.txt', 'd/e/a.txt', '.hidden.txt'], ['a.txt.gz', 'atxt']],
    ['docs/**', ['docs/a', 'docs/d/e', 'x/docs/a'], ['docs2/a', 'adocs/a']],
    ['docs', ['docs', 'docs/a/b', 'x/docs/a'], ['docs2', 'docs.txt']],
    ['docs/', ['docs/a'], ['docsa']],
    ['/top', ['top', 'top/a'], ['x/top', 'topper']],
    ['/*.md', ['a.md'], ['d/a.md']],
    ['a/*/c', ['a/b/c', 'x/a/b/c/d'], ['a/c', 'a/b/b/c']],
    ['**/c', ['c', 'a/b/c'], ['cc']],
    ['**', ['a', 'a/.b/c'], []],
    ['?.log', ['a.log', 'd/b.log'], ['ab.log', '.log']],
    ['[ab].{jpg,png}', ['a.jpg', 'd/b.png'], ['c.jpg', 'a.gif']],
    ['!a', ['!a'], ['a', 'b']],
    ['+(a)', ['+(a)'], ['a', 'aa']],
    ['A.txt', ['A.txt'], ['a.txt']],
    ['\\*.txt', ['*.txt'], ['a.txt']],
    ['cafe\u0301', ['caf\u00e9'], ['cafe']],
    ['[', ['['], ['a']],
    ['/', [], ['a', 'a/b']],
  ])('%s', (pattern, matching, others) => {
    const matches = pathMatcher([pattern])
    expect(matching.filter((path) => !matches(path))).toEqual([])
    expect(others.filter(matches)).toEqual([])
  })

  it('never makes the matcher fail, whatever it is', () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from('ab/*?[]{}()!+@\\.,^|-')) })
    fc.assert(fc.property(text, text, (pattern, path) => typeof pathMatcher([pattern])(path) === 'boolean'))
  })
})

describe('the order of transfers', () => {
  it('is: what is free, removals, what is new, small before larger, newer before older', () => {
    const place = transferOrder(noOrder)
    const at = (bytes: number, ageMs: number): number => place(touched('f', ageMs), bytes, now).order
    const orders = [
      place({ ...fileRecord('d', ''), kind: 'folder' }, 0, now).order,
      place(tombstone('t'), 0, now).order,
      at(10, hour / 2),
      at(smallBytesMax, hour / 2),
      at(10, hour * 2),
      at(10, day * 2),
      at(10, day * 8),
      at(10, day * 40),
      at(10, day * 400),
      at(smallBytesMax, hour * 2),
    ]
    expect(orders).toEqual(orders.toSorted((a, b) => a - b))
    expect(new Set(orders).size).toBe(orders.length)
  })

  it('puts every file of a pattern before, or after, all others of its lane', () => {
    const place = transferOrder({ first: ['*.first'], last: ['*.last'] })
    const size = fc.integer({ min: 1, max: smallBytesMax })
    const age = fc.integer({ min: -day, max: 1000 * day })
    fc.assert(
      fc.property(fc.array(fc.tuple(size, age), { minLength: 3, maxLength: 3 }), ([a, b, c]) => {
        const first = place(touched('a.first', a![1]), a![0], now)
        const plain = place(touched('b', b![1]), b![0], now)
        const last = place(touched('c.last', c![1]), c![0], now)
        expect([first.order < plain.order, plain.order < last.order]).toEqual([true, true])
        expect([first.group, plain.group, last.group]).toEqual([1, 2, 3])
      }),
    )
  })

  it('takes a time to come for new', () => {
    const place = transferOrder(noOrder)
    expect(place(touched('f', -400 * day), 1, now)).toEqual(place(touched('f', 0), 1, now))
  })

  it('has a lane for each size', () => {
    const sizes = [1, smallBytesMax, smallBytesMax + 1, mediumBytesMax, mediumBytesMax + 1]
    const found = sizes.map((bytes) => transferOrder(noOrder)(touched('f', 0), bytes, now).lane)
    expect(found).toEqual(['small', 'small', 'medium', 'medium', 'large'])
  })
})

function touched(path: string, ageMs: number): ReturnType<typeof fileRecord> {
  return fileRecord(path, '', { mtimeNs: BigInt(now - ageMs) * 1_000_000n })
}
