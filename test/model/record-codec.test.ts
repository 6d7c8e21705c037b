import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { P2psyncError } from '../../src/model/errors.ts'
import type { FileRecord, Fingerprint } from '../../src/model/file-record.ts'
import { recordBytesMax } from '../../src/model/limits.ts'
import { decodeRecord, encodeRecord } from '../../src/model/record-codec.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { WriterId } from '../../src/model/writer-id.ts'
import { anyPath, anyRecord, recordOf } from '../vector-clock/any-record.ts'

interface Vector {
  readonly comment: string
  /** `mtimeNs` as text. */
  readonly record: Omit<FileRecord, 'mtimeNs'> & { readonly mtimeNs: string }
  readonly bytes: string
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/records.json', import.meta.url), 'utf8'),
) as readonly Vector[]

const record: fc.Arbitrary<FileRecord> = fc
  .tuple(anyRecord, anyPath, fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }))
  .map(([fields, path, mtimeNs]) => ({ ...fields, path, mtimeNs }))

describe('the encoding of a record', () => {
  for (const vector of vectors) {
    it(`is the one of its golden vector: ${vector.comment}`, () => {
      const expected = { ...vector.record, mtimeNs: BigInt(vector.record.mtimeNs) }
      expect(Buffer.from(encodeRecord(expected)).toString('hex')).toBe(vector.bytes)
      expect(decodeRecord(Buffer.from(vector.bytes, 'hex'))).toEqual(expected)
    })
  }

  it('gives back the record', () => {
    fc.assert(
      fc.property(record, (sent) => {
        expect(decodeRecord(encodeRecord(sent))).toEqual(sent)
      }),
    )
  })

  it('is refused with an error of ours, or is canonical, whatever a peer sends', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), cut: fc.nat({ max: 3 }) })
    fc.assert(
      fc.property(record, change, (sent, { at, byte, cut }) => {
        const bytes = encodeRecord(sent).slice()
        bytes[at % bytes.length] = byte
        const broken = cut === 0 ? bytes.slice(0, at % bytes.length) : bytes
        let decoded: FileRecord | null = null
        try {
          decoded = decodeRecord(broken)
        } catch (error) {
          expect(error).toBeInstanceOf(P2psyncError)
        }
        if (decoded !== null) expect(Buffer.compare(encodeRecord(decoded), broken)).toBe(0)
      }),
      { numRuns: 2000 },
    )
  })

  it('stays below its bound for the longest fields', () => {
    const writer = (i: number): WriterId => i.toString(16).padStart(32, '0') as WriterId
    const longest = recordOf('symlink', 1, {
      path: Array.from({ length: 16 }, () => 'p'.repeat(255)).join('/') as RelativePath,
      linkTarget: 't'.repeat(4096),
      basis: `s${'t'.repeat(4096)}` as Fingerprint,
      writerName: 'n'.repeat(64),
      version: Array.from({ length: 256 }, (_, i) => [writer(i), 2 ** 48 - 1] as const),
    })
    const bytes = encodeRecord(longest)
    expect(bytes.length).toBeLessThan(recordBytesMax)
    expect(decodeRecord(bytes)).toEqual(longest)
  })

  it.each([
    ['a file without content', { ...recordOf('file', 1), content: '' as const }],
    ['a folder with a size', { ...recordOf('folder', 1), sizeBytes: 1 }],
    ['a symlink without target', { ...recordOf('symlink', 1), linkTarget: '' }],
    ['a target with a NUL', { ...recordOf('symlink', 1), linkTarget: 'a\0b' }],
    ['an empty version', { ...recordOf('file', 1), version: [] }],
    ['a path that leads outside', { ...recordOf('file', 1), path: '../a' as RelativePath }],
    ['a path into our own folder', { ...recordOf('file', 1), path: '.p2psync/folder.json' as RelativePath }],
  ])('is refused for %s', (_, bad) => {
    expect(() => decodeRecord(encodeRecord(bad))).toThrow(P2psyncError)
  })
})
