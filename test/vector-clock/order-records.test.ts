import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { compareRecords } from '../../src/vector-clock/order-records.ts'
import { fingerprint, type FileRecord } from '../../src/model/file-record.ts'
import { anyRecord, recordOf, writerOf } from './any-record.ts'

describe('compareRecords', () => {
  it('is a total order in which only equal fields are equal', () => {
    fc.assert(
      fc.property(anyRecord, anyRecord, anyRecord, (a, b, c) => {
        expect(Math.sign(compareRecords(a, b)) + Math.sign(compareRecords(b, a))).toBe(0)
        if (compareRecords(a, b) <= 0 && compareRecords(b, c) <= 0) expect(compareRecords(a, c)).toBeLessThanOrEqual(0)
        const bWithVersionOfA = { ...b, version: a.version }
        if (compareRecords(a, b) === 0) expect(bWithVersionOfA).toEqual(a)
        else expect(bWithVersionOfA).not.toEqual(a)
      }),
      { numRuns: 1000 },
    )
  })

  it('puts a folder over a file and a file over a tombstone, whatever the clocks say', () => {
    const folder = recordOf('folder', 0, { mtimeNs: 0n })
    const file = recordOf('file', 1, { mtimeNs: 10n })
    const tombstone = recordOf('tombstone', 0, { mtimeNs: 2_000_000_000_000_000_000n })
    expect(compareRecords(folder, file)).toBeGreaterThan(0)
    expect(compareRecords(file, tombstone)).toBeGreaterThan(0)
  })

  it('prefers the later mtime among files', () => {
    const older = recordOf('file', 9, { mtimeNs: 10n })
    const newer = recordOf('file', 1, { mtimeNs: 11n })
    expect(compareRecords(newer, older)).toBeGreaterThan(0)
  })

  it.each([
    ['sizeBytes', { sizeBytes: 2 }],
    ['content', { content: recordOf('file', 2).content }],
    ['linkTarget', { linkTarget: 'elsewhere' }],
    ['executable', { executable: true }],
    ['writer', { writer: writerOf(1) }],
    ['writerName', { writerName: 'lap' }],
    ['basis', { basis: fingerprint(recordOf('file', 2)) }],
  ] satisfies [string, Partial<FileRecord>][])('decides when nothing but %s differs', (_, fields) => {
    const [a, b] = [recordOf('file', 1), recordOf('file', 1, fields)]
    expect(compareRecords(a, b)).not.toBe(0)
    expect(compareRecords(a, b) + compareRecords(b, a)).toBe(0)
  })
})
