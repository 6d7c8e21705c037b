import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeMove,
  encodeMove,
  isMovable,
  movedPath,
  moveKey,
  type FolderMove,
  type FolderPaths,
} from '../../src/model/folder-move.ts'
import { counterMax } from '../../src/model/limits.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { WireWriter } from '../../src/model/wire-writer.ts'
import { anyPath, writerOf } from '../vector-clock/any-record.ts'

const sample: FolderMove = {
  from: parseRelativePath('a/b'),
  to: parseRelativePath('c'),
  writer: writerOf(1),
  writerName: 'desk',
  counter: 7,
  movedAtMs: 1_767_225_600_000,
  before: new Uint8Array(32).fill(9),
}

const anyMove: fc.Arbitrary<FolderMove & FolderPaths> = fc
  .record({
    from: anyPath,
    to: anyPath,
    writer: fc.nat(9).map(writerOf),
    writerName: fc.string({ maxLength: 15, unit: 'grapheme-ascii' }),
    counter: fc.integer({ min: 1, max: counterMax }),
    movedAtMs: fc.integer({ min: -(2 ** 51), max: 2 ** 51 }),
    before: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  })
  .filter(isMovable)

describe('a move', () => {
  it('comes back from its bytes, whatever they are part of', () => {
    fc.assert(
      fc.property(anyMove, fc.boolean(), ({ to, ...fields }, isRemoval) => {
        const move: FolderMove = { ...fields, to: isRemoval ? null : to }
        const bytes = encodeMove(move)
        const decoded = decodeMove(bytes)
        bytes.fill(0)
        expect({ ...decoded, before: Buffer.from(decoded.before) }).toEqual({
          ...move,
          before: Buffer.from(move.before),
        })
      }),
      { seed: 20_261_121 },
    )
  })

  it('takes every path below it to its new place, and is undone by the opposite', () => {
    fc.assert(
      fc.property(anyMove, anyPath, (move, rest) => {
        const path = `${move.from}/${rest}` as typeof rest
        expect(movedPath(path, move)).toBe(`${move.to}/${rest}`)
        expect(movedPath(movedPath(path, move), { from: move.to, to: move.from })).toBe(path)
        expect(movedPath(move.from, move)).toBe(move.to)
      }),
      { seed: 20_261_121 },
    )
  })

  it.each([
    ['a', 'a', false],
    ['a', 'a/b', false],
    ['a/b', 'a', false],
    ['a', 'a b', true],
    ['a', 'ab', true],
    ['a/b', 'a/c', true],
  ])('from %s to %s can be: %s', (from, to, expected) => {
    expect(isMovable({ from: parseRelativePath(from), to: parseRelativePath(to) })).toBe(expected)
  })

  it('is told from others by each of its fields but name and time', () => {
    const others: Partial<FolderMove>[] = [
      { from: parseRelativePath('a/c') },
      { to: parseRelativePath('d') },
      { to: null },
      { writer: writerOf(2) },
      { counter: 8 },
      { before: new Uint8Array(32) },
    ]
    for (const other of others) expect(moveKey({ ...sample, ...other })).not.toBe(moveKey(sample))
    expect(moveKey({ ...sample, writerName: 'other', movedAtMs: 1 })).toBe(moveKey(sample))
  })

  it.each<[string, () => Uint8Array]>([
    ['nothing', () => new Uint8Array(0)],
    ['a path outside of the folder', () => encodeMove({ ...sample, to: '../x' as never })],
    ['a path of ours', () => encodeMove({ ...sample, to: '.p2psync/history' as never })],
    ['no path', () => encodeMove({ ...sample, from: '' as never })],
    ['a path that is too long', () => encodeMove({ ...sample, from: 'x'.repeat(4097) as never })],
    ['a folder that moves into itself', () => encodeMove({ ...sample, to: parseRelativePath('a/b/c') })],
    ['a folder that takes the place of one that it is in', () => encodeMove({ ...sample, to: parseRelativePath('a') })],
    ['a digest that is too short', () => encodeMove({ ...sample, before: new Uint8Array(31) })],
    ['a digest that is too long', () => encodeMove({ ...sample, before: new Uint8Array(33) })],
    ['no counter', () => encodeMove({ ...sample, counter: 0 })],
    ['a counter that is too large', () => encodeMove({ ...sample, counter: counterMax + 1 })],
    ['a name that is too long', () => encodeMove({ ...sample, writerName: 'x'.repeat(65) })],
    [
      'a writer of another length',
      () => new WireWriter().string(1, 'a').string(2, 'b').bytes(3, new Uint8Array(15)).finish(),
    ],
    ['what ends too early', () => encodeMove(sample).subarray(0, -1)],
  ])('is refused when it is %s', (_, bytes) => {
    expect(() => decodeMove(bytes())).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^bad-/) as string }) as Error,
    )
  })
})
