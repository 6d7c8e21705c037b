import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashBytes } from '../../src/blocks/hash.ts'
import { decodeRow, encodeRow, rowHead, withDisk } from '../../src/file-index/row-codec.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import { encodeRecord } from '../../src/model/record-codec.ts'
import { diskOf, fileOf, recordOf } from './sample-records.ts'

const someTime = fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n })
const someDisk: fc.Arbitrary<DiskState> = fc.record({
  kind: fc.constantFrom('file', 'folder', 'symlink'),
  sizeBytes: fc.nat(2 ** 47),
  mtimeNs: someTime,
  ctimeNs: someTime,
  inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  mode: fc.nat(0o7777),
})
const someRow = fc.record({
  record: fc.constantFrom(recordOf('a/b'), recordOf('a', { kind: 'folder' }), fileOf('ä/😀', 'text').record),
  disk: fc.option(someDisk),
  seq: fc.nat(2 ** 48 - 1),
})

describe('a row of the index', () => {
  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(someRow, (row) => {
        expect(decodeRow(encodeRow(row))).toEqual(row)
      }),
    )
  })

  it('takes another disk state without being decoded', () => {
    fc.assert(
      fc.property(someRow, fc.option(someDisk), (row, disk) => {
        expect(withDisk(encodeRow(row), disk)).toEqual(encodeRow({ ...row, disk }))
      }),
    )
  })

  it('says in its head whether it is live, its seq and the hash of its record', () => {
    const { record } = fileOf('a', 'text')
    const head = rowHead(encodeRow({ record, disk: diskOf(4), seq: 5 }))
    expect(head.live).toBe(true)
    expect(head.seq).toBe(5)
    expect(Buffer.from(head.hash)).toEqual(Buffer.from(hashBytes(encodeRecord(record)).subarray(0, 16)))
    expect(rowHead(encodeRow({ record: recordOf('a'), disk: null, seq: 1 })).live).toBe(false)
  })

  it('is refused as index-damaged when its bytes are cut off anywhere', () => {
    const row = encodeRow({ record: fileOf('a', 'text').record, disk: diskOf(4), seq: 5 })
    for (let length = 0; length < row.length; length++) {
      expect(() => decodeRow(row.subarray(0, length))).toThrow(expect.objectContaining({ code: 'index-damaged' }))
    }
  })
})
