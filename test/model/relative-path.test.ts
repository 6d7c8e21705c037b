import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { P2psyncError } from '../../src/model/errors.ts'
import { linkTargetProblem } from '../../src/model/link-target.ts'
import {
  comparePaths,
  isBelow,
  isRelativePath,
  parentPath,
  parseRelativePath,
  pathFromKey,
  pathKey,
} from '../../src/model/relative-path.ts'
import { anyPath } from '../vector-clock/any-record.ts'

describe('a relative path', () => {
  it.each([
    '',
    '/etc/passwd',
    '..',
    'a/../b',
    './a',
    'a//b',
    'a/',
    'a\0b',
    'a\ud800',
    'e\u0301',
    'a'.repeat(4097),
    '.p2psync/folder.json',
    '.P2PSYNC',
  ])('is never %j', (text) => {
    expect(isRelativePath(text)).toBe(false)
    expect(() => parseRelativePath(text)).toThrow(P2psyncError)
  })

  it.each(['a', '...', 'a/..b', ' ', '.p2psync2', 'd/.p2psync', 'C:', 'é', '\u{1f600}'])('may be %j', (text) => {
    expect(parseRelativePath(text)).toBe(text)
  })

  it('is ordered as its key is, with a folder right before what it holds', () => {
    fc.assert(
      fc.property(anyPath, anyPath, (a, b) => {
        expect(Math.sign(comparePaths(a, b))).toBe(Buffer.compare(pathKey(a), pathKey(b)))
        expect(pathFromKey(pathKey(a))).toBe(a)
        const parent = parentPath(a)
        if (parent !== null) expect([isBelow(a, parent), comparePaths(parent, a) < 0]).toEqual([true, true])
      }),
    )
  })
})

describe('the target of a symlink', () => {
  it.each([
    ['a', '/etc'],
    ['a', '..'],
    ['d/a', '../..'],
    ['d/a', 'x/../../..'],
    ['a', ''],
    ['a', 'C:\\x'],
    ['a', 'b\0'],
    ['a', 'b'.repeat(4097)],
  ])('at %j is refused as %j', (path, target) => {
    expect(linkTargetProblem(parseRelativePath(path), target)).not.toBeNull()
  })

  it.each([
    ['a', 'b'],
    ['d/a', '../b'],
    ['d/a', '..'],
    ['d/e/a', '../../x/./y'],
    ['a', 'x/../y'],
  ])('at %j may be %j', (path, target) => {
    expect(linkTargetProblem(parseRelativePath(path), target)).toBeNull()
  })
})
