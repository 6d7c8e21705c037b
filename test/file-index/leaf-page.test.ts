import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePage, encodePage, findInPage, type PageEntry } from '../../src/file-index/leaf-page.ts'
import { encodeRow, rowHead } from '../../src/file-index/row-codec.ts'
import { pathKey, type RelativePath } from '../../src/model/relative-path.ts'
import { fileOf } from './sample-records.ts'

function entryOf(path: string): PageEntry {
  const { record, disk } = fileOf(path, `text of ${path}`)
  const { row } = encodeRow({ record, disk, seq: 1 })
  return { key: pathKey(path as RelativePath), hash: rowHead(row).hash, row }
}

const plain = ({ key, hash, row }: PageEntry): Buffer[] => [key, hash, row].map((bytes) => Buffer.from(bytes))
const someEntries = fc
  .uniqueArray(fc.constantFrom('a', 'a/b', 'b', 'c/d', 'ä', 'ä/😀', 'x y'))
  .map((paths) => paths.map(entryOf).sort((a, b) => Buffer.compare(a.key, b.key)))
const someEnd = fc.option(fc.constantFrom(Buffer.from('z'), Buffer.from('ÿ')))

describe('a page of rows', () => {
  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(someEntries, someEnd, (entries, end) => {
        const page = decodePage(encodePage(end, entries))
        expect(page.entries.map(plain)).toEqual(entries.map(plain))
        expect(page.end === null ? null : Buffer.from(page.end)).toEqual(end)
      }),
    )
  })

  it('finds each of its rows, and tells what no page has from what a later page may have', () => {
    fc.assert(
      fc.property(someEntries, (entries) => {
        const bytes = encodePage(
          Buffer.from('q'),
          entries.filter(({ key }) => key[0]! < 0x71),
        )
        for (const { key, row } of entries) {
          const found = findInPage(bytes, key)
          if (key[0]! < 0x71) expect(Buffer.from(found!)).toEqual(Buffer.from(row))
          else expect(found).toBeUndefined()
        }
        expect(findInPage(bytes, Buffer.from('aa'))).toBeNull()
      }),
    )
  })

  it('is refused as index-damaged when it is cut off inside of a row', () => {
    const bytes = encodePage(Buffer.from('end'), [entryOf('a')])
    for (let length = 0; length < bytes.length; length++) {
      if (length === 6) continue // A page without rows.
      const cut = bytes.subarray(0, length)
      expect(() => decodePage(cut)).toThrow(expect.objectContaining({ code: 'index-damaged' }))
      expect(() => findInPage(cut, Buffer.from('a'))).toThrow(expect.objectContaining({ code: 'index-damaged' }))
    }
  })
})
