import { beforeEach, describe, expect, it } from 'vitest'
import type { Disk } from '../../src/ports/disk.ts'
import { codeOf, inRoot, type DiskUnderTest } from './disk-under-test.ts'

/** What every {@link Disk} does with the bytes of files. */
export function describeFiles(subject: () => DiskUnderTest): void {
  describe('files', () => {
    let disk: Disk
    beforeEach(() => {
      disk = subject().disk
    })
    const { at, put, text, stateOf } = inRoot(subject)

    it('reads what was written, wherever it was written', () => {
      const handle = disk.create(at('file'), 0o600)
      disk.write(handle, Buffer.from('world'), 6)
      disk.write(handle, Buffer.from('hello '), 0)
      const target = new Uint8Array(8)
      expect(disk.read(handle, target, 4)).toBe(7)
      expect(Buffer.from(target).toString()).toBe('o world\0')
      expect(disk.read(handle, target, 11)).toBe(0)
      disk.close(handle)
      expect(text('file')).toBe('hello world')
    })

    it('fills a gap with zeros, and what was cut off does not come back', () => {
      const handle = disk.create(at('file'), 0o600)
      disk.write(handle, Buffer.from('abcdef'), 0)
      disk.truncate(handle, 2)
      disk.write(handle, Buffer.from('x'), 4)
      disk.truncate(handle, 6)
      disk.close(handle)
      expect(text('file')).toBe('ab\0\0x\0')
    })

    it('creates with the mode that was asked for, and only where nothing is', () => {
      disk.close(disk.create(at('file'), 0o600))
      disk.makeLink(at('link'), 'none')
      expect(stateOf('file').mode).toBe(0o600)
      expect(codeOf(() => disk.create(at('file'), 0o600))).toBe('EEXIST')
      expect(codeOf(() => disk.create(at('link'), 0o600))).toBe('EEXIST')
      expect(codeOf(() => disk.create(at('none/file'), 0o600))).toBe('ENOENT')
      expect(disk.lstat(at('none'))).toBeNull()
    })

    it('opens nothing but regular files', () => {
      put('file', '')
      disk.makeFolder(at('folder'))
      disk.makeLink(at('link'), 'file')
      for (const path of ['folder', 'link']) {
        expect(codeOf(() => disk.openRead(at(path)))).toBe('EINVAL')
        expect(codeOf(() => disk.openWrite(at(path)))).toBe('EINVAL')
      }
      expect(codeOf(() => disk.openRead(at('none')))).toBe('ENOENT')
      expect(codeOf(() => disk.openWrite(at('none')))).toBe('ENOENT')
    })

    it('refuses to write to a file opened for reading', () => {
      put('file', 'old')
      const handle = disk.openRead(at('file'))
      expect(codeOf(() => disk.write(handle, Buffer.from('new'), 0))).toBe('EBADF')
      disk.close(handle)
      expect(text('file')).toBe('old')
    })

    it('says the same of an open file as of its path', () => {
      put('file', 'abc')
      const handle = disk.openRead(at('file'))
      expect(disk.fstat(handle)).toEqual(disk.lstat(at('file')))
      disk.close(handle)
    })

    it('keeps an open file alive after its name is gone', () => {
      put('file', 'abc')
      const handle = disk.openRead(at('file'))
      disk.unlink(at('file'))
      const target = new Uint8Array(3)
      expect(disk.read(handle, target, 0)).toBe(3)
      disk.close(handle)
      expect(codeOf(() => disk.fstat(handle))).toBe('EBADF')
    })

    it('copies bytes and mode to a new file of its own, never over anything', () => {
      put('file', 'abc')
      disk.setPathMode(at('file'), 0o640)
      disk.copyFile(at('file'), at('copy'))
      expect(text('copy')).toBe('abc')
      expect(stateOf('copy').mode).toBe(0o640)
      expect(stateOf('copy').inode).not.toBe(stateOf('file').inode)
      expect(codeOf(() => disk.copyFile(at('file'), at('copy')))).toBe('EEXIST')
      disk.makeLink(at('link'), 'file')
      expect(codeOf(() => disk.copyFile(at('link'), at('other')))).toBe('EINVAL')
      expect(disk.lstat(at('other'))).toBeNull()
    })

    it('makes a copy that shares its bytes, or nothing where the file system cannot', () => {
      put('file', 'abc')
      const isMade = disk.cloneFile(at('file'), at('copy'))
      expect(disk.lstat(at('copy')) !== null).toBe(isMade)
      if (isMade) expect(text('copy')).toBe('abc')
      put('taken', 'x')
      expect(codeOf(() => disk.cloneFile(at('file'), at('taken')))).toBe('EEXIST')
      expect(text('taken')).toBe('x')
      disk.makeLink(at('link'), 'file')
      expect(codeOf(() => disk.cloneFile(at('link'), at('other')))).toBe('EINVAL')
    })
  })
}
