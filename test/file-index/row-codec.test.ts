import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashBytes } from '../../src/blocks/hash.ts'
import { decodeRow, encodeRow, rowContent, rowHead, withDisk } from '../../src/file-index/row-codec.ts'
import { blockHashFromBytes } from '../../src/model/block-hash.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import { encodeRecord } from '../../src/model/record-codec.ts'
import { pathKey, type RelativePath } from '../../src/model/relative-path.ts'
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
        expect(decodeRow(encodeRow(row).row)).toEqual(row)
      }),
    )
  })

  it('comes with the key of its path, the hash of its record and its content', () => {
    const someName = fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }).filter((name) => name.isWellFormed())
    fc.assert(
      fc.property(fc.array(someName, { minLength: 1, maxLength: 4 }), fc.boolean(), (names, isFile) => {
        const path = names.join('/') as RelativePath
        const { record, disk } = isFile ? fileOf(path, path) : { record: recordOf(path), disk: null }
        const { row, key, hash, content } = encodeRow({ record, disk, seq: 1 })
        expect([...key]).toEqual([...pathKey(path)])
        expect([...hash]).toEqual([...rowHead(row).hash])
        expect(content).toEqual(rowContent(row))
        expect(content === null ? null : blockHashFromBytes(content.hash)).toBe(isFile ? record.content : null)
      }),
    )
  })

  it('takes another disk state without being decoded', () => {
    fc.assert(
      fc.property(someRow, fc.option(someDisk), (row, disk) => {
        expect(withDisk(encodeRow(row).row, disk)).toEqual(encodeRow({ ...row, disk }).row)
      }),
    )
  })

  it('says in its head whether it is live, its seq and the hash of its record', () => {
    const { record } = fileOf('a', 'text')
    const head = rowHead(encodeRow({ record, disk: diskOf(4), seq: 5 }).row)
    expect(head.live).toBe(true)
    expect(head.seq).toBe(5)
    expect(Buffer.from(head.hash)).toEqual(Buffer.from(hashBytes(encodeRecord(record)).subarray(0, 16)))
    expect(rowHead(encodeRow({ record: recordOf('a'), disk: null, seq: 1 }).row).live).toBe(false)
  })

  it('is refused as index-damaged when its bytes are cut off anywhere', () => {
    const { row } = encodeRow({ record: fileOf('a', 'text').record, disk: diskOf(4), seq: 5 })
    for (let length = 0; length < row.length; length++) {
      expect(() => decodeRow(row.subarray(0, length))).toThrow(expect.objectContaining({ code: 'index-damaged' }))
    }
  })
})
