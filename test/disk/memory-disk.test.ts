import { describe, expect, it } from 'vitest'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { describeDisk } from './disk-contract.ts'
import { codeOf } from './disk-under-test.ts'

describeDisk('MemoryDisk', () => {
  const disk = new MemoryDisk()
  disk.makeFolder('/root')
  return { disk, root: '/root', dispose: () => {} }
})

/** A disk whose state so far is durable. */
function settled(files: Record<string, string>): MemoryDisk {
  const disk = new MemoryDisk()
  for (const [path, text] of Object.entries(files)) disk.writeFile(path, text)
  disk.syncFileSystem('/')
  return disk
}

function contents(disk: MemoryDisk, root: string): Record<string, string> {
  return Object.fromEntries(
    [...disk.tree(root)].map(([path, { kind, content }]) => [path, `${kind} ${content}`.trim()]),
  )
}

describe('a power cut of MemoryDisk', () => {
  it('leaves what was synced as it was', () => {
    const disk = settled({ '/f/a': 'one', '/f/sub/b': 'two' })
    const before = disk.tree('/')
    disk.crash()
    expect(disk.tree('/')).toEqual(before)
  })

  it('takes back names whose folder was not synced: new, renamed and removed', () => {
    const disk = settled({ '/f/a': 'one', '/f/b': 'two' })
    disk.rename('/f/a', '/f/c')
    disk.unlink('/f/b')
    disk.makeFolder('/f/new')
    disk.crash()
    expect(contents(disk, '/f')).toEqual({ a: 'file one', b: 'file two' })
  })

  it('empties a new file whose name was synced and whose bytes were not', () => {
    const disk = settled({ '/f/old': '' })
    disk.writeFile('/f/new', 'data')
    disk.syncFolder('/f')
    disk.crash()
    expect(disk.readText('/f/new')).toBe('')
  })

  it('takes a file back to the bytes, mode and time that were synced last', () => {
    const disk = settled({ '/f/a': 'one' })
    const before = disk.lstat('/f/a')
    disk.writeFile('/f/a', 'longer', { mode: 0o755, mtimeNs: 1_000_000_000n })
    disk.crash()
    expect(disk.readText('/f/a')).toBe('one')
    expect(disk.lstat('/f/a')).toMatchObject({
      mode: 0o644,
      mtimeNs: before !== null && 'mtimeNs' in before && before.mtimeNs,
    })
  })

  it('loses a synced file whose name was not synced', () => {
    const disk = settled({ '/f/old': '' })
    const handle = disk.create('/f/new', 0o600)
    disk.write(handle, Buffer.from('data'), 0)
    disk.sync(handle)
    disk.crash()
    expect(contents(disk, '/f')).toEqual({ old: 'file' })
    expect(codeOf(() => disk.close(handle))).toBe('EBADF')
  })

  it('may spare what the test says', () => {
    const disk = settled({ '/f/old': '' })
    disk.writeFile('/f/new', 'data')
    disk.crash((path) => path === '/f')
    expect(contents(disk, '/f')).toEqual({ old: 'file', new: 'file' })
  })
})

describe('faults of MemoryDisk', () => {
  it('fills up: what fits is written, the rest is ENOSPC, and a removed file gives its bytes back', () => {
    const disk = new MemoryDisk({ capacityBytes: 10 })
    disk.writeFile('/a', '12345678')
    const handle = disk.create('/b', 0o600)
    expect(codeOf(() => disk.write(handle, Buffer.from('abcd'), 0))).toBe('ENOSPC')
    expect(disk.readText('/b')).toBe('ab')
    expect(codeOf(() => disk.copyFile('/a', '/c'))).toBe('ENOSPC')
    expect(disk.lstat('/c')).toBeNull()
    disk.unlink('/a')
    expect(disk.freeBytes('/')).toBe(8)
    disk.unlink('/b')
    expect(disk.freeBytes('/')).toBe(8)
    disk.close(handle)
    expect(disk.freeBytes('/')).toBe(10)
  })

  it('asks onCall before each operation, which may fail it or step in', () => {
    const disk = new MemoryDisk()
    disk.writeFile('/f/a', 'one')
    const calls: string[] = []
    disk.onCall = (operation, path) => {
      calls.push(`${operation} ${path}`)
      if (operation === 'rename') disk.writeFile('/f/b', 'stepped in')
      if (operation === 'unlink') throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    disk.rename('/f/a', '/f/c')
    expect(codeOf(() => disk.unlink('/f/c'))).toBe('EIO')
    expect(calls).toEqual(['rename /f/c', 'unlink /f/c'])
    expect(contents(disk, '/f')).toEqual({ b: 'file stepped in', c: 'file one' })
  })

  it('denies what the test says', () => {
    const disk = new MemoryDisk()
    disk.writeFile('/f/a', 'one')
    disk.writeFile('/g/a', 'one')
    disk.setAccess('/f/a', { read: false })
    disk.setAccess('/g', { write: false })
    expect(codeOf(() => disk.openRead('/f/a'))).toBe('EACCES')
    expect(codeOf(() => disk.unlink('/g/a'))).toBe('EACCES')
    expect(codeOf(() => disk.create('/g/b', 0o600))).toBe('EACCES')
    disk.setAccess('/g', { read: false })
    expect(codeOf(() => disk.readFolder('/g'))).toBe('EACCES')
    expect(codeOf(() => disk.openRead('/g/a'))).toBe('EACCES')
  })

  it('lists names that are not UTF-8, and FIFOs, which it does not open', () => {
    const disk = new MemoryDisk()
    disk.makeFolder('/f')
    disk.addUndecodableName('/f')
    disk.makeOther('/f/fifo')
    expect(disk.readFolder('/f')).toEqual([
      { name: 'fifo', kind: 'other' },
      { name: null, kind: 'file' },
    ])
    expect(codeOf(() => disk.openRead('/f/fifo'))).toBe('EINVAL')
    expect(codeOf(() => disk.removeFolder('/f'))).toBe('ENOTEMPTY')
  })
})
