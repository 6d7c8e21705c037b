import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { shortHash, type BlockHash } from '../../src/model/block-hash.ts'
import type { FileRecord } from '../../src/model/file-record.ts'
import { baseName, parentPath, parseRelativePath, relativePathProblem } from '../../src/model/relative-path.ts'
import { conflictCopyPath, isConflictCopyName } from '../../src/vector-clock/conflict-name.ts'
import { anyPath, recordOf } from './any-record.ts'

function loserAt(path: string, fields: Partial<FileRecord> = {}): FileRecord {
  return recordOf('file', 1, { path: parseRelativePath(path), ...fields })
}

const hash = shortHash(recordOf('file', 1).content as BlockHash)
const suffix = `(desk's conflicted copy 2023-11-14 ${hash})`

describe('conflictCopyPath', () => {
  it('gives a name that every file system of ours can hold, whatever the loser is called', () => {
    const anyDevice = fc.string({ unit: 'binary', maxLength: 90 })
    const anyTime = fc.bigInt({ min: -(2n ** 64n), max: 2n ** 70n })
    fc.assert(
      fc.property(anyPath, anyDevice, anyTime, fc.boolean(), (path, writerName, mtimeNs, link) => {
        const copy = conflictCopyPath(recordOf(link ? 'symlink' : 'file', 1, { path, writerName, mtimeNs }))
        expect(relativePathProblem(copy)).toBe(null)
        expect(Buffer.byteLength(baseName(copy))).toBeLessThanOrEqual(255)
        expect(isConflictCopyName(copy)).toBe(true)
        expect(parentPath(copy)).toBe(parentPath(path))
        expect(copy).not.toBe(path)
      }),
      { numRuns: 1000 },
    )
  })

  it('takes an earlier suffix off: a conflict of a conflict is a copy of the original', () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const copy = conflictCopyPath(loserAt(path))
        const again = conflictCopyPath(recordOf('file', 2, { path: copy }))
        expect(again).toBe(conflictCopyPath(recordOf('file', 2, { path })))
      }),
      { numRuns: 1000 },
    )
  })

  it('names the copy after device, day and content', () => {
    expect(conflictCopyPath(loserAt('docs/plan.txt'))).toBe(`docs/plan ${suffix}.txt`)
  })

  it.each([
    ['.bashrc', `.bashrc ${suffix}`],
    ['a.tar.gz', `a.tar ${suffix}.gz`],
    ['Makefile', `Makefile ${suffix}`],
    ['odd.', `odd. ${suffix}`],
    ['a.b/c', `a.b/c ${suffix}`],
    ['x (1).txt', `x (1) ${suffix}.txt`],
    [`long.${'e'.repeat(40)}`, `long.${'e'.repeat(40)} ${suffix}`],
    [`a (my.host's conflicted copy 2020-02-02 0123abcd)`, `a ${suffix}`],
    [`a (X's conflicted copy 2020-02-02 0123abcd) (Y's conflicted copy 2020-02-03 0123abcd).c`, `a ${suffix}.c`],
  ])('keeps the ending of %s', (path, copy) => {
    expect(conflictCopyPath(loserAt(path))).toBe(copy)
  })

  it.each([
    ['AC/DC: the "box"', 'AC-DC- the -box-'],
    ['pc (old)', 'pc -old-'],
    ['trailing...', 'trailing'],
    ['new\nline\u202E', 'new-line-'],
    ['\u0000', '-'],
    ['', 'device'],
    [' . ', 'device'],
  ])('makes the device name %j safe', (writerName, shown) => {
    expect(conflictCopyPath(loserAt('a', { writerName }))).toContain(`a (${shown}'s conflicted copy `)
  })

  it('keeps years between 1970 and 9999', () => {
    expect(conflictCopyPath(loserAt('a', { mtimeNs: -1n }))).toContain(' 1970-01-01 ')
    expect(conflictCopyPath(loserAt('a', { mtimeNs: 2n ** 80n }))).toContain(' 9999-12-31 ')
  })

  it('cuts a long name between characters', () => {
    const copy = baseName(conflictCopyPath(loserAt(`${'é'.repeat(125)}.txt`)))
    expect(Buffer.byteLength(copy)).toBeGreaterThan(252)
    expect(copy).toMatch(/^é+ \(desk's .*\)\.txt$/u)
  })

  it('goes to a folder above when the path leaves no room', () => {
    const folders = Array.from({ length: 16 }, () => 'd'.repeat(250)).join('/')
    const path = `${folders}/${'e'.repeat(75)}/f`
    expect(Buffer.byteLength(path)).toBeGreaterThan(4090)
    expect(conflictCopyPath(loserAt(path))).toBe(`${folders}/f ${suffix}`)
  })

  it('never names the loser itself', () => {
    const copy = conflictCopyPath(loserAt('a.txt'))
    const other = conflictCopyPath(loserAt(copy))
    expect(other).not.toBe(copy)
    expect(isConflictCopyName(other)).toBe(true)
    expect(conflictCopyPath(loserAt(other))).toBe(copy)
  })

  it('tells symlinks apart by their targets', () => {
    expect(conflictCopyPath(recordOf('symlink', 1))).not.toBe(conflictCopyPath(recordOf('symlink', 2)))
  })

  it('is never asked about a folder', () => {
    expect(() => conflictCopyPath(recordOf('folder', 0))).toThrow('only a file or a symlink')
  })
})

describe('isConflictCopyName', () => {
  it('knows ordinary names', () => {
    for (const path of ['a.txt', 'a (1).txt', suffix, "a (desk's copy 2023-11-14 0123abcd)", `b ${suffix} c`]) {
      expect(isConflictCopyName(parseRelativePath(path))).toBe(false)
    }
  })

  it('looks at the last segment only', () => {
    expect(isConflictCopyName(parseRelativePath(`a ${suffix}/b.txt`))).toBe(false)
  })
})
