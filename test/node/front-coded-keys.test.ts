import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { P2psyncError } from '../../src/model/errors.ts'
import { pathBytesMax } from '../../src/model/limits.ts'
import { FrontCoder, FrontDecoder, keysBytesMax, type ListedKey } from '../../src/node/front-coded-keys.ts'

const listed: fc.Arbitrary<ListedKey> = fc.record({
  key: fc.array(fc.constantFrom('a', 'ab', 'b', '\0', 'long'), { maxLength: 9 }).map((parts) => bytes(parts.join(''))),
  tail: fc.uint8Array({ minLength: 2, maxLength: 2 }),
})

describe('front-coded keys', () => {
  it('come out as they went in, list after list', () => {
    fc.assert(
      fc.property(fc.array(fc.array(listed)), (lists) => {
        const coder = new FrontCoder()
        const decoder = new FrontDecoder(2)
        for (const list of lists) expect(plain(decoder.unpack(coder.pack(list)))).toEqual(plain(list))
      }),
    )
  })

  it('cost a key no more than what its neighbour does not have, and six bytes with its tail of two', () => {
    const list = ['folder\0file 1', 'folder\0file 10', 'folder\0file 11'].map((text) => ({
      key: bytes(text),
      tail: bytes('xx'),
    }))
    expect(new FrontCoder().pack(list)).toHaveLength('folder\0file 1'.length + 1 + 1 + 3 * 6)
  })

  it('have one form only: whatever else decodes, encodes to the same bytes', () => {
    const loose = fc.array(
      fc.record({ shared: fc.nat({ max: 3 }), rest: fc.stringMatching(/^[ab]{0,3}$/), tail: fc.constantFrom('xx') }),
    )
    fc.assert(
      fc.property(loose, (entries) => {
        const packed = Buffer.concat(entries.map(({ shared, rest, tail }) => entry(shared, rest, tail)))
        const keys = unpackOrNull(packed)
        if (keys !== null) expect(hex(new FrontCoder().pack(keys))).toBe(hex(packed))
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['more shared than the key before has', Buffer.concat([entry(0, 'ab', 'xx'), entry(3, 'c', 'xx')])],
    ['something shared with nothing', entry(1, 'c', 'xx')],
    ['a beginning that is repeated', Buffer.concat([entry(0, 'ab', 'xx'), entry(1, 'bc', 'xx')])],
    ['a head that is cut off', entry(0, 'ab', 'xx').subarray(0, 3)],
    ['a key that is cut off', entry(0, 'ab', 'xx').subarray(0, 5)],
    ['a tail that is cut off', entry(0, 'ab', 'xx').subarray(0, 7)],
    ['a key that is too long', entry(0, 'a'.repeat(pathBytesMax + 1), 'xx')],
    [
      'a key that grows too long',
      Buffer.concat([entry(0, 'a'.repeat(pathBytesMax), 'xx'), entry(pathBytesMax, 'b', 'xx')]),
    ],
  ])('with %s are refused', (_, packed) => {
    expect(() => new FrontDecoder(2).unpack(packed)).toThrow(P2psyncError)
  })

  it('that would grow beyond what a frame holds are refused', () => {
    const first = entry(0, 'a'.repeat(pathBytesMax), 'xx')
    const bomb = (count: number): Buffer => Buffer.concat([first, ...Array<Buffer>(count - 1).fill(again)])
    const again = entry(pathBytesMax, '', 'xx')
    const countMax = keysBytesMax / pathBytesMax
    expect(new FrontDecoder(2).unpack(bomb(countMax))).toHaveLength(countMax)
    expect(() => new FrontDecoder(2).unpack(bomb(countMax + 1))).toThrow(/bytes/)
    const decoder = new FrontDecoder(2)
    decoder.unpack(bomb(countMax))
    expect(() => decoder.unpack(again)).toThrow(P2psyncError)
  })
})

function entry(shared: number, rest: string, tail: string): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(shared)
  head.writeUInt16BE(rest.length, 2)
  return Buffer.concat([head, bytes(rest), bytes(tail)])
}

function unpackOrNull(packed: Uint8Array): ListedKey[] | null {
  try {
    return new FrontDecoder(2).unpack(packed)
  } catch {
    return null
  }
}

function plain(list: readonly ListedKey[]): [string, string][] {
  return list.map(({ key, tail }) => [hex(key), hex(tail)])
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex')
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text)
}
