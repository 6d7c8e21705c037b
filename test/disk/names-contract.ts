import { beforeEach, describe, expect, it } from 'vitest'
import type { Disk } from '../../src/ports/disk.ts'
import { codeOf, inRoot, type DiskUnderTest } from './disk-under-test.ts'

/** What every {@link Disk} does with names: making, renaming and removing what has them. */
export function describeNames(subject: () => DiskUnderTest): void {
  describe('names', () => {
    let disk: Disk
    beforeEach(() => {
      disk = subject().disk
    })
    const { at, put, text, names, stateOf } = inRoot(subject)

    it('writes, when asked to, only to a file that has no other name', () => {
      put('first', 'text')
      disk.close(disk.openWrite(at('first'), { onlyName: true }))
      disk.hardLink(at('first'), at('second'))
      const mode = disk.lstat(at('first'))
      expect(codeOf(() => disk.openWrite(at('second'), { onlyName: true }))).toBe('EMLINK')
      expect(codeOf(() => disk.setPathMode(at('second'), 0o600, { onlyName: true }))).toBe('EMLINK')
      expect(disk.lstat(at('first'))).toEqual(mode)
      disk.unlink(at('first'))
      disk.setPathMode(at('second'), 0o600, { onlyName: true })
      disk.close(disk.openWrite(at('second'), { onlyName: true }))
    })

    it('makes a folder only where nothing is', () => {
      put('file', '')
      expect(codeOf(() => disk.makeFolder(at('file')))).toBe('EEXIST')
      expect(codeOf(() => disk.makeFolder(at('a/b')))).toBe('ENOENT')
      expect(codeOf(() => disk.makeFolder(at('file/b')))).toBe('ENOTDIR')
    })

    it('refuses a name of more than 255 bytes', () => {
      expect(codeOf(() => put('é'.repeat(128), ''))).toBe('ENAMETOOLONG')
      put('é'.repeat(127), 'fits')
      expect(text('é'.repeat(127))).toBe('fits')
    })

    it('gives a file a second name, which stays when the first goes', () => {
      put('first', 'abc')
      disk.hardLink(at('first'), at('second'))
      expect(stateOf('second').inode).toBe(stateOf('first').inode)
      expect(codeOf(() => disk.hardLink(at('first'), at('second')))).toBe('EEXIST')
      disk.unlink(at('first'))
      expect(text('second')).toBe('abc')
    })

    it('renames over a file or a symlink at once, keeping the inode', () => {
      put('new', 'new')
      put('old', 'old')
      disk.makeLink(at('link'), 'old')
      const inode = stateOf('new').inode
      disk.rename(at('new'), at('link'))
      expect(text('old')).toBe('old')
      disk.rename(at('link'), at('old'))
      expect(text('old')).toBe('new')
      expect(stateOf('old').inode).toBe(inode)
      expect(names()).toEqual(['old'])
    })

    it('leaves both names when two names of one file are renamed to each other', () => {
      put('first', 'abc')
      disk.hardLink(at('first'), at('second'))
      disk.rename(at('first'), at('second'))
      expect(names()).toEqual(['first', 'second'])
    })

    it('renames folders with what they hold, but not over what holds something, nor into themselves', () => {
      disk.makeFolder(at('folder'))
      put('folder/file', 'x')
      disk.makeFolder(at('full'))
      put('full/file', 'y')
      disk.makeFolder(at('empty'))
      put('file', 'z')
      expect(['ENOTEMPTY', 'EEXIST']).toContain(codeOf(() => disk.rename(at('folder'), at('full'))))
      expect(codeOf(() => disk.rename(at('folder'), at('folder/inside')))).toBe('EINVAL')
      expect(codeOf(() => disk.rename(at('folder'), at('file')))).toBe('ENOTDIR')
      expect(codeOf(() => disk.rename(at('file'), at('folder')))).toBe('EISDIR')
      expect(codeOf(() => disk.rename(at('none'), at('x')))).toBe('ENOENT')
      disk.rename(at('folder'), at('empty'))
      expect(text('empty/file')).toBe('x')
      expect(names()).toEqual(['empty', 'file', 'full'])
    })

    it('removes files, symlinks and empty folders, each by its own call', () => {
      put('file', '')
      disk.makeFolder(at('folder'))
      disk.makeLink(at('link'), 'folder')
      put('folder/inside', '')
      expect(['ENOTEMPTY', 'EEXIST']).toContain(codeOf(() => disk.removeFolder(at('folder'))))
      expect(codeOf(() => disk.removeFolder(at('file')))).toBe('ENOTDIR')
      expect(codeOf(() => disk.removeFolder(at('link')))).toBe('ENOTDIR')
      expect(['EISDIR', 'EPERM']).toContain(codeOf(() => disk.unlink(at('folder'))))
      expect(codeOf(() => disk.unlink(at('none')))).toBe('ENOENT')
      disk.unlink(at('folder/inside'))
      disk.unlink(at('link'))
      disk.unlink(at('file'))
      disk.removeFolder(at('folder'))
      expect(names()).toEqual([])
    })
  })
}
