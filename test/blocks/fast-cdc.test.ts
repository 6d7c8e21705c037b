import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileFastCdc, fastCdcModule } from '../../scripts/build-wasm.ts'
import { BlockCutter } from '../../src/blocks/block-cutter.ts'
import { chunkParameters, type ChunkParameters } from '../../src/blocks/chunk-parameters.ts'
import { gearTable } from '../../src/blocks/gear-table.ts'
import { hashBytes } from '../../src/blocks/hash.ts'
import vectors from '../vectors/fast-cdc.json' with { type: 'json' }
import { pseudoRandom } from './pseudo-random.ts'
import { referenceCuts } from './reference-cuts.ts'

const gear = gearTable()
const cutter = new BlockCutter()
const small: ChunkParameters = { minBytes: 32, averageBytes: 128, maxBytes: 512 }

const anyParameters = fc
  .tuple(fc.constantFrom(64, 128, 256, 1024), fc.integer({ min: 32, max: 64 }), fc.integer({ min: 1, max: 4 }))
  .map(([averageBytes, minBytes, times]) => ({ minBytes, averageBytes, maxBytes: averageBytes * times }))

/** Random bytes, and bytes of few values, which cut rarely or all the time. */
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 8000, size: 'max' }),
  fc.tuple(fc.string(), fc.nat(60_000)).map(([seed, length]) => pseudoRandom(seed, length)),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(20_000)).map(([pattern, length]) => {
    return Uint8Array.from({ length }, (_, i) => pattern[i % pattern.length]!)
  }),
)

describe('block cutter', () => {
  it('cuts where the definition says', () => {
    fc.assert(
      fc.property(anyBytes, anyParameters, (bytes, parameters) => {
        expect(lengths(cut(bytes, parameters))).toEqual(referenceCuts(bytes, gear, parameters))
      }),
      { numRuns: 300 },
    )
  })

  it('cuts runs of zeros where the definition says, also where blocks are so small that zeros end them', () => {
    const zeros = new Uint8Array(1000)
    for (const averageBytes of [64, 128, 1024]) {
      const parameters = { minBytes: 32, averageBytes, maxBytes: averageBytes * 2 }
      const expected = referenceCuts(zeros, gear, parameters)
      expect(lengths(cut(zeros, parameters)), String(averageBytes)).toEqual(expected)
      expect(expected[0]).toBe(averageBytes === 64 ? 64 : averageBytes === 128 ? 256 : 1000)
    }
  })

  it('cuts alike however the bytes come in', () => {
    const reads = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(anyBytes, anyParameters, reads, (bytes, parameters, readLengths) => {
        expect(lengths(cut(bytes, parameters, readLengths))).toEqual(lengths(cut(bytes, parameters)))
      }),
      { numRuns: 300 },
    )
  })

  it('gives back the bytes of the input, in order', () => {
    fc.assert(
      fc.property(anyBytes, fc.integer({ min: 1, max: 5000 }), (bytes, readLength) => {
        expect(Buffer.concat(cut(bytes, small, [readLength])).equals(bytes)).toBe(true)
      }),
    )
  })

  it('finds the old boundaries again behind an insertion', () => {
    const bytes = pseudoRandom('insertion', 100_000)
    const before = new Set(cut(bytes, small).map((block) => Buffer.from(block).toString('base64')))
    const after = cut(Buffer.concat([Buffer.from('!'), bytes]), small)
    expect(after.filter((block) => !before.has(Buffer.from(block).toString('base64'))).length).toBeLessThan(20)
  })

  it('never changes its golden cut points', () => {
    expect([...gear.subarray(0, 4)]).toEqual(vectors.gear)
    expect(Buffer.from(hashBytes(new Uint8Array(gear.buffer))).toString('hex')).toBe(vectors.gearBlake3)
    for (const vector of vectors.cases) {
      expect(lengths(cut(vectorInput(vector), vector.parameters)), vector.comment).toEqual(vector.lengths)
    }
  })

  it('agrees with the definition on the golden inputs', () => {
    for (const vector of vectors.cases.filter((each) => each.inputBytes <= 2 ** 20)) {
      const expected = referenceCuts(vectorInput(vector), gear, vector.parameters)
      expect(vector.lengths, vector.comment).toEqual(expected)
    }
  })

  it('can be used again after a file was given up half-way', () => {
    const bytes = pseudoRandom('again', 5000)
    cutter.start(small)
    cutter.space().set(bytes.subarray(0, 100))
    cutter.filled(100)
    cutter.next(false)
    expect(lengths(cut(bytes, small))).toEqual(referenceCuts(bytes, gear, small))
  })
})

describe('fast-cdc-wasm.ts', () => {
  it('is what its source compiles to', async () => {
    const committed = await readFile(new URL('../../src/blocks/fast-cdc-wasm.ts', import.meta.url), 'utf8')
    expect(committed).toBe(fastCdcModule(await compileFastCdc()))
  })
})

describe('chunk parameters', () => {
  it('double with the size of the file beyond 1 GiB, up to 1 MiB', () => {
    const averages = [0, 65_537, 2 ** 30, 2 ** 30 + 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 + 1, 2 ** 33 + 1, 2 ** 40].map(
      (sizeBytes) => chunkParameters(sizeBytes).averageBytes / 1024,
    )
    expect(averages).toEqual([64, 64, 64, 128, 128, 256, 512, 1024, 1024])
  })

  it('keep the smallest block at a quarter of the average and the largest at four times', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 31).map((n) => n * 512),
        (sizeBytes) => {
          const { minBytes, averageBytes, maxBytes } = chunkParameters(sizeBytes)
          expect([minBytes * 4, maxBytes]).toEqual([averageBytes, averageBytes * 4])
        },
      ),
    )
  })
})

/** The blocks of `bytes`, copied, when they arrive in pieces of `readLengths` bytes (again and again). */
function cut(bytes: Uint8Array, parameters: ChunkParameters, readLengths = [Infinity]): Uint8Array[] {
  const blocks: Uint8Array[] = []
  cutter.start(parameters)
  let at = 0
  for (let turn = 0; at < bytes.length; turn++) {
    const space = cutter.space()
    const length = Math.min(space.length, readLengths[turn % readLengths.length]!, bytes.length - at)
    space.set(bytes.subarray(at, at + length))
    cutter.filled(length)
    at += length
    for (let block = cutter.next(at === bytes.length); block; block = cutter.next(at === bytes.length)) {
      blocks.push(block.slice())
    }
  }
  return blocks
}

function lengths(blocks: readonly Uint8Array[]): number[] {
  return blocks.map((block) => block.length)
}

function vectorInput(vector: { readonly seed: string | null; readonly inputBytes: number }): Uint8Array {
  return vector.seed === null ? new Uint8Array(vector.inputBytes) : pseudoRandom(vector.seed, vector.inputBytes)
}
