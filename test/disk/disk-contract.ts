import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemCode } from '../../src/model/errors.ts'
import type { Disk, DiskEntry } from '../../src/ports/disk.ts'

/** A disk and an empty folder on it that the test may fill. */
export interface DiskUnderTest {
  readonly disk: Disk
  readonly root: string
  dispose(): void
}

/** What every {@link Disk} does. `make` is called before each test. `isConfined`: links among the parents are not followed. */
export function describeDisk(diskName: string, make: () => DiskUnderTest, { isConfined = false } = {}): void {
  describe(`${diskName} keeps the contract of a disk`, () => {
    let subject: DiskUnderTest
    let disk: Disk
    let root: string
    beforeEach(() => {
      subject = make()
      ;({ disk, root } = subject)
    })
    afterEach(() => subject.dispose())

    const at = (path: string) => `${root}/${path}`
    const put = (path: string, text: string) => putFile(disk, at(path), text)
    const text = (path: string) => readText(disk, at(path))
    const names = () =>
      disk
        .readFolder(root)
        .map((entry) => entry.name)
        .toSorted(byText)
    const stateOf = (path: string): Exclude<DiskEntry, { kind: 'other' }> => {
      const entry = disk.lstat(at(path))
      if (entry === null || entry.kind === 'other') throw new Error(`nothing at ${path}`)
      return entry
    }

    describe('looking', () => {
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

    describe('files', () => {
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

    describe('metadata', () => {
      it('sets modes by handle and by path, of folders too, but not through a symlink', () => {
        put('file', '')
        disk.makeFolder(at('folder'))
        disk.makeLink(at('link'), 'file')
        const handle = disk.openWrite(at('file'))
        disk.setMode(handle, 0o755)
        disk.close(handle)
        expect(stateOf('file').mode).toBe(0o755)
        disk.setPathMode(at('file'), 0o600)
        disk.setPathMode(at('folder'), 0o700)
        expect([stateOf('file').mode, stateOf('folder').mode]).toEqual([0o600, 0o700])
        expect(codeOf(() => disk.setPathMode(at('link'), 0o777))).toBe('EINVAL')
        expect(codeOf(() => disk.setPathMode(at('none'), 0o777))).toBe('ENOENT')
        expect(stateOf('file').mode).toBe(0o600)
      })

      it('sets times to the microsecond, before 1970 too', () => {
        put('file', '')
        disk.makeLink(at('link'), 'file')
        const handle = disk.openWrite(at('file'))
        for (const ns of [
          0n,
          1_700_000_000_000_000_000n,
          1_763_639_139_123_456_789n,
          999_999_999_999n,
          -1_500_000_000n,
        ]) {
          disk.setMtime(handle, ns)
          disk.setLinkMtime(at('link'), ns)
          for (const path of ['file', 'link']) expect(microsecond(stateOf(path).mtimeNs)).toBe(microsecond(ns))
        }
        disk.close(handle)
      })

      it('moves ctime when the mode, the time or a name changes', () => {
        put('file', '')
        const before = stateOf('file').ctimeNs
        waitForNewTime(disk, at('clock'), before)
        disk.setPathMode(at('file'), 0o640)
        const changed = stateOf('file').ctimeNs
        expect(changed).toBeGreaterThan(before)
        waitForNewTime(disk, at('clock'), changed)
        disk.hardLink(at('file'), at('second'))
        expect(stateOf('file').ctimeNs).toBeGreaterThan(changed)
      })
    })

    describe('names', () => {
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

    describe('durability and room', () => {
      it('flushes a file, a folder and, where it can, the file system', () => {
        const handle = disk.create(at('file'), 0o600)
        disk.sync(handle)
        disk.close(handle)
        disk.syncFolder(root)
        expect(codeOf(() => disk.syncFolder(at('file')))).toBe('ENOTDIR')
        expect(disk.syncFileSystem(root)).toBe(process.platform === 'linux')
      })

      it('says how many bytes are free', () => {
        expect(disk.freeBytes(root)).toBeGreaterThan(0)
      })
    })
  })
}

/** The system's code of what `act` throws, or '' when it throws nothing. */
export function codeOf(act: () => unknown): string {
  try {
    act()
    return ''
  } catch (error) {
    return systemCode(error)
  }
}

function byText(a: string | null, b: string | null): number {
  return (a ?? '') < (b ?? '') ? -1 : 1
}

function putFile(disk: Disk, path: string, text: string): void {
  const handle = disk.create(path, 0o644)
  disk.write(handle, Buffer.from(text), 0)
  disk.close(handle)
}

function readText(disk: Disk, path: string): string {
  const handle = disk.openRead(path)
  const bytes = new Uint8Array(1000)
  const length = disk.read(handle, bytes, 0)
  disk.close(handle)
  return Buffer.from(bytes.subarray(0, length)).toString()
}

function microsecond(ns: bigint): bigint {
  return BigInt.asIntN(64, ns - (((ns % 1000n) + 1000n) % 1000n)) / 1000n
}

// A kernel's clock for files ticks every few milliseconds.
function waitForNewTime(disk: Disk, path: string, oldNs: bigint): void {
  for (;;) {
    disk.close(disk.create(path, 0o600))
    const entry = disk.lstat(path)
    disk.unlink(path)
    if (entry !== null && entry.kind !== 'other' && entry.ctimeNs > oldNs) return
  }
}
