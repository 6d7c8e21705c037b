import { beforeEach, describe, expect, it } from 'vitest'
import type { Disk } from '../../src/ports/disk.ts'
import { byText, codeOf, inRoot, type DiskUnderTest } from './disk-under-test.ts'

/** What every {@link Disk} says of what lies on it. `isConfined`: links among the parents are not followed. */
export function describeLooking(subject: () => DiskUnderTest, { isConfined }: { readonly isConfined: boolean }): void {
  describe('looking', () => {
    let disk: Disk
    let root: string
    beforeEach(() => {
      ;({ disk, root } = subject())
    })
    const { at, put, text, names, stateOf } = inRoot(subject)

    it('says null where nothing is, below a missing folder and below a file too', () => {
      put('file', '')
      expect([disk.lstat(at('none')), disk.lstat(at('none/x')), disk.lstat(at('file/x'))]).toEqual([null, null, null])
    })

    it('tells files, folders and symlinks apart without following', () => {
      put('file', 'four')
      disk.makeFolder(at('folder'))
      disk.makeLink(at('link'), 'file')
      expect(['file', 'folder', 'link'].map((path) => stateOf(path).kind)).toEqual(['file', 'folder', 'symlink'])
      expect(stateOf('file').sizeBytes).toBe(4)
      expect(new Set(['file', 'folder', 'link'].map((path) => stateOf(path).inode)).size).toBe(3)
    })

    it('lists the names and kinds of a folder', () => {
      put('file', '')
      disk.makeFolder(at('folder'))
      disk.makeLink(at('link'), 'folder')
      const entries = disk.readFolder(root)
      expect(new Map(entries.map(({ name, kind }) => [name, kind]))).toEqual(
        new Map([
          ['file', 'file'],
          ['folder', 'folder'],
          ['link', 'symlink'],
        ]),
      )
    })

    it('keeps names as they are written, composed or not, with U+FFFD and beyond the first plane', () => {
      const spelled = ['caf\u00e9', 'cafe\u0301', 'odd \uFFFD', '\u{1F4C1}', ' lead', 'new\nline'].toSorted(byText)
      for (const name of spelled) put(name, '')
      expect(names()).toEqual(spelled)
    })

    it('does not list a file, a missing folder or what a symlink points at', () => {
      put('file', '')
      disk.makeFolder(at('folder'))
      disk.makeLink(at('link'), 'folder')
      expect(codeOf(() => disk.readFolder(at('file')))).toBe('ENOTDIR')
      expect(codeOf(() => disk.readFolder(at('none')))).toBe('ENOENT')
      expect(codeOf(() => disk.readFolder(at('link')))).toBe('ENOTDIR')
    })

    it('reads the text of a symlink, whether it leads anywhere or not', () => {
      disk.makeLink(at('link'), '../no/where')
      expect(disk.readLink(at('link'))).toBe('../no/where')
      expect(codeOf(() => disk.readLink(root))).toBe('EINVAL')
    })

    it.skipIf(isConfined)('follows symlinks among the parents, as systems do', () => {
      disk.makeFolder(at('folder'))
      disk.makeLink(at('link'), './folder')
      put('link/file', 'x')
      expect(text('folder/file')).toBe('x')
    })
  })
}
