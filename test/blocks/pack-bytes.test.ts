import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packAsOrdered, packBytes, unpackBytes } from '../../src/blocks/pack-bytes.ts'
import { blockBytesMax } from '../../src/model/limits.ts'
import type { PackOrder } from '../../src/ports/packing.ts'
import { runJob } from './plain-disk.ts'
import { pseudoRandom } from './pseudo-random.ts'

const kibibyte = 1024
const text = Buffer.from('one line of a log, and another one\n'.repeat(30_000))
const random = pseudoRandom('does not shrink', 1000 * kibibyte)
const quick: PackOrder = { level: 1 }

describe('packBytes and unpackBytes', () => {
  it('give back what went in, at each level', () => {
    const anyPart = fc.tuple(fc.nat(text.length), fc.nat(300 * kibibyte))
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 5000 }),
      anyPart.map(([from, length]) => text.subarray(from, from + length)),
      anyPart.map(([from, length]) => random.subarray(from, from + length)),
    )
    fc.assert(
      fc.property(anyBytes, fc.constantFrom(1 as const, 2 as const, 3 as const), (bytes, level) => {
        const unpacked = unpackBytes(packBytes(bytes, level), bytes.length)
        expect(unpacked !== null && Buffer.compare(unpacked, bytes)).toBe(0)
      }),
    )
  })

  it('hold for the most that a reply carries, at each level', () => {
    const most = Buffer.concat([random, random, random, random, random], blockBytesMax)
    for (const level of [1, 2, 3] as const) {
      expect(Buffer.compare(unpackBytes(packBytes(most, level), blockBytesMax)!, most)).toBe(0)
    }
  })
})

describe('unpackBytes', () => {
  it('gives nothing where the length is not what was said', () => {
    const frame = packBytes(text, 1)
    for (const length of [0, 1, text.length - 1, text.length + 1, -1, 0.5, NaN, Infinity, blockBytesMax + 1]) {
      expect(unpackBytes(frame, length)).toBe(null)
    }
  })

  it('does not unpack what would fill the memory', () => {
    const bomb = zstdCompressSync(Buffer.alloc(64 * kibibyte * kibibyte))
    expect(bomb.length).toBeLessThan(32 * kibibyte)
    const before = process.memoryUsage().arrayBuffers
    expect(unpackBytes(bomb, kibibyte * kibibyte)).toBe(null)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * kibibyte * kibibyte)
  })

  it('does not take a frame whose window is larger than any reply', () => {
    // RFC 8878, 3.1.1: magic number, a descriptor without a size, the window, one last raw block of two bytes.
    const frameWith = (windowLog: number): Uint8Array =>
      Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3, 0x11, 0, 0, 7, 8)
    expect(unpackBytes(frameWith(22), 2)).toEqual(Buffer.of(7, 8))
    expect(unpackBytes(frameWith(23), 2)).toBe(null)
  })

  it('gives nothing of a frame that was cut, or of noise, and never throws', () => {
    const frame = packBytes(text, 1)
    expect(unpackBytes(frame.subarray(0, frame.length - 1), text.length)).toBe(null)
    expect(unpackBytes(new Uint8Array(0), 0)).toBe(null)
    const change = fc.record({ at: fc.nat(frame.length - 1), byte: fc.nat(255) })
    fc.assert(
      fc.property(fc.uint8Array(), fc.array(change, { minLength: 1 }), (noise, changes) => {
        expect(unpackBytes(noise, 100)).toBe(null)
        const broken = Uint8Array.from(frame)
        for (const { at, byte } of changes) broken[at] = byte
        const unpacked = unpackBytes(broken, text.length)
        expect(unpacked === null || unpacked.length === text.length).toBe(true)
      }),
    )
  })
})

describe('packAsOrdered', () => {
  it('packs what shrinks, and says what it took', () => {
    const { packed, trial } = pack(text, quick)
    expect(Buffer.compare(unpackBytes(packed!, text.length)!, text)).toBe(0)
    expect(trial).toEqual({ extent: 'all', level: 1, rawBytes: text.length, packedBytes: packed!.length, elapsedMs: 1 })
  })

  it('packs a sample only of what does not shrink', () => {
    const { packed, trial } = pack(random, { level: 3 })
    expect(packed).toBe(null)
    expect(trial).toMatchObject({ extent: 'sample', level: 1, rawBytes: 64 * kibibyte })
  })

  it('finds what shrinks in any quarter', () => {
    for (const quarter of [0, 1, 2, 3]) {
      const bytes = Uint8Array.from(random)
      bytes.set(text.subarray(0, 250 * kibibyte), quarter * 250 * kibibyte)
      expect(pack(bytes, quick).packed).not.toBe(null)
    }
  })

  it('gives up on the whole when the sample had promised too much', () => {
    const bytes = Uint8Array.from(random)
    // Exactly where the sample of four pieces of 16 KiB is taken.
    for (let i = 0; i < 4; i++) bytes.fill(0, (250 * i + 117) * kibibyte, (250 * i + 133) * kibibyte)
    const { packed, trial } = pack(bytes, quick)
    expect(packed).toBe(null)
    expect(trial).toMatchObject({ extent: 'all', rawBytes: bytes.length })
  })

  it('tries what is short as a whole, and what is very short not at all', () => {
    const short = text.subarray(0, 2000)
    expect(pack(short, quick)).toMatchObject({ trial: { extent: 'all', rawBytes: 2000 } })
    expect(pack(text.subarray(0, 100), quick)).toEqual({ packed: null, trial: null })
  })
})

function pack(bytes: Uint8Array, order: PackOrder) {
  let nowMs = 0
  return runJob(packAsOrdered(bytes, order, () => nowMs++)).result
}
