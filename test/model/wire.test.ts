import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { P2psyncError } from '../../src/model/errors.ts'
import { WireReader } from '../../src/model/wire-reader.ts'
import { WireWriter } from '../../src/model/wire-writer.ts'

describe('the wire format', () => {
  it('gives back numbers, texts and bytes', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).map((any) => any.toWellFormed())
    const fields = fc.tuple(fc.maxSafeNat(), fc.integer({ min: -(2 ** 51), max: 2 ** 51 }), text, fc.uint8Array())
    fc.assert(
      fc.property(fields, ([uint, sint, string, bytes]) => {
        const written = new WireWriter(1).uint(1, uint).sint(2, sint).string(3, string).element(4, bytes).finish()
        const found: unknown[] = [0, 0]
        const reader = new WireReader(written)
        for (let field = reader.next(); field !== 0; field = reader.next()) {
          if (field === 1) found[0] = reader.uint()
          else if (field === 2) found[1] = reader.sint()
          else if (field === 3) found[2] = reader.string(100_000)
          else found[3] = Uint8Array.from(reader.bytes(100_000))
        }
        expect(found).toEqual([uint, sint === 0 ? 0 : sint, string, bytes])
      }),
    )
  })

  it.each([
    ['a number that ends in the middle', [0x08, 0x80]],
    ['a number of more than 53 bits', [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['a number that is not in shortest form', [0x08, 0x80, 0x00]],
    ['a number just beyond 53 bits', [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ['a field that is longer than its message', [0x0a, 0x05, 0x00]],
    ['a field that is longer than what is left of its message', [0x0a, 0x02, 0x00]],
    ['a field of an unknown type', [0x0d, 0, 0, 0, 0]],
    ['a field without a number', [0x00, 0x00]],
  ])('refuses %s', (_, bytes) => {
    expect(() => {
      const reader = new WireReader(Uint8Array.from(bytes))
      while (reader.next() !== 0) reader.skip()
    }).toThrow(P2psyncError)
  })

  it('refuses text that is not UTF-8 and lengths above a bound', () => {
    const text = new WireReader(Uint8Array.of(0x0a, 1, 0xff))
    text.next()
    expect(() => text.string(10)).toThrow(P2psyncError)
    const long = new WireReader(new WireWriter().string(1, 'abcdef').finish())
    long.next()
    expect(() => long.bytes(5)).toThrow(P2psyncError)
    const short = new WireReader(Uint8Array.of(0x0a, 2, 0))
    short.next()
    expect(() => short.bytes(10)).toThrow(P2psyncError)
    const number = new WireReader(new WireWriter().uint(1, 65).finish())
    number.next()
    expect(() => number.uint(64)).toThrow(P2psyncError)
  })
})
