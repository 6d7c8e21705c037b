import { beforeEach, describe, expect, it } from 'vitest'
import { exactNames, ignoresCase } from '../../src/disk/exact-names.ts'
import type { Disk } from '../../src/ports/disk.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { codeOf } from './disk-under-test.ts'

let inner: MemoryDisk
let disk: Disk

beforeEach(() => {
  inner = new MemoryDisk({ ignoresCase: true })
  inner.makeFolders('/root/.p2psync')
  inner.writeFile('/root/d/file', 'old')
  disk = exactNames(inner, '/root')
})

const tree = (): string[] => [...inner.tree('/root').keys()].filter((path) => !path.startsWith('.p2psync')).sort()

describe('whether a disk ignores case', () => {
  it('is seen by our own folder, and is not known before that is there', () => {
    const plain = new MemoryDisk()
    plain.makeFolders('/root')
    expect(ignoresCase(plain, '/root')).toBe(null)
    plain.makeFolders('/root/.p2psync')
    expect(ignoresCase(plain, '/root')).toBe(false)
    plain.makeFolders('/root/.P2PSYNC')
    expect(ignoresCase(plain, '/root')).toBe(false)
    expect(ignoresCase(inner, '/root')).toBe(true)
  })
})

describe('a disk that ignores case, with exact names', () => {
  it('finds what is there by its name alone', () => {
    expect(inner.lstat('/root/D/FILE')).not.toBe(null)
    for (const path of ['/root/D/file', '/root/d/File', '/root/D', '/root/d/none']) expect(disk.lstat(path)).toBe(null)
    expect(disk.lstat('/root/d/file')).toEqual(inner.lstat('/root/d/file'))
    expect(disk.lstat('/root/.p2psync')).toEqual(inner.lstat('/root/.p2psync'))
  })

  it('acts on nothing by another name', () => {
    const acts: Record<string, () => unknown> = {
      readFolder: () => disk.readFolder('/root/D'),
      openRead: () => disk.openRead('/root/d/FILE'),
      openWrite: () => disk.openWrite('/root/d/FILE'),
      setPathMode: () => disk.setPathMode('/root/d/FILE', 0o600),
      hardLink: () => disk.hardLink('/root/D/file', '/root/d/second'),
      rename: () => disk.rename('/root/D/file', '/root/d/second'),
      unlink: () => disk.unlink('/root/D/file'),
      removeFolder: () => disk.removeFolder('/root/D'),
    }
    for (const [name, act] of Object.entries(acts)) expect(codeOf(act), name).toBe('ENOENT')
    expect(tree()).toEqual(['d', 'd/file'])
  })

  it('makes and replaces nothing under a name of something else', () => {
    inner.writeFile('/root/new', 'new')
    const acts: Record<string, () => unknown> = {
      create: () => disk.create('/root/d/FILE', 0o644),
      makeFolder: () => disk.makeFolder('/root/D'),
      makeLink: () => disk.makeLink('/root/d/File', 'x'),
      hardLink: () => disk.hardLink('/root/new', '/root/d/FILE'),
      rename: () => disk.rename('/root/new', '/root/d/FILE'),
      copyFile: () => disk.copyFile('/root/new', '/root/d/FILE'),
      'below a folder': () => disk.rename('/root/new', '/root/D/other'),
      'our own folder': () => disk.makeFolder('/root/.P2PSYNC'),
      'in our own folder': () => disk.create('/root/.P2psync/folder.json', 0o644),
    }
    for (const [name, act] of Object.entries(acts)) expect(codeOf(act), name).toBe('ENOTUNIQ')
    expect(tree()).toEqual(['d', 'd/file', 'new'])
    expect(inner.readText('/root/d/file')).toBe('old')
  })

  it('renames in case only', () => {
    disk.rename('/root/d/file', '/root/d/FILE')
    expect(tree()).toEqual(['d', 'd/FILE'])
    expect(disk.lstat('/root/d/file')).toBe(null)
    disk.rename('/root/d', '/root/D')
    expect(tree()).toEqual(['D', 'D/FILE'])
    expect(inner.readText('/root/D/FILE')).toBe('old')
  })

  it('has the old name again when a rename in case only fails in the middle', () => {
    let renames = 0
    inner.onCall = (operation) => {
      if (operation === 'rename' && ++renames === 3) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    expect(codeOf(() => disk.rename('/root/d/file', '/root/d/FILE'))).toBe('EIO')
    expect(tree()).toEqual(['d', 'd/file'])
  })

  it('knows what it has made itself within a turn, without another listing', () => {
    disk.lstat('/root/d/file')
    let listings = 0
    inner.onCall = (operation) => void (listings += operation === 'readFolder' ? 1 : 0)
    for (const name of ['one', 'two', 'three']) {
      disk.close(disk.create(`/root/d/${name}`, 0o644))
      expect(disk.lstat(`/root/d/${name}`)?.kind).toBe('file')
    }
    expect(listings).toBe(0)
  })

  it('sees in the next turn what others have made', async () => {
    expect(disk.lstat('/root/d/file')?.kind).toBe('file')
    inner.unlink('/root/d/file')
    inner.writeFile('/root/d/FILE', 'new')
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    expect(disk.lstat('/root/d/file')).toBe(null)
    expect(disk.lstat('/root/d/FILE')?.kind).toBe('file')
  })
})
