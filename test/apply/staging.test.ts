import { describe, expect, it } from 'vitest'
import { discardStaged, finishStaged, listStaged } from '../../src/apply/staging.ts'
import type { StagedFile } from '../../src/ports/file-tasks.ts'
import { diskError, hookedDisk, type DiskHook } from './hooked-disk.ts'
import { drain, memoryWorld, worlds, type World } from './world.ts'

describe.each(worlds)('staging %s', (_name, makeWorld) => {
  it('lists what is staged with its size', () => {
    using world = makeWorld()
    world.stage('a', '12345')
    world.stage('b', '')
    world.link('.p2psync/staging/new-link', 'xy')
    world.folder('.p2psync/staging/folder')
    expect(list(world)).toEqual([
      { staged: 'a', sizeBytes: 5 },
      { staged: 'b', sizeBytes: 0 },
      { staged: 'new-link', sizeBytes: 2 },
    ])
  })

  it('discards what is named, and does not mind what is gone', () => {
    using world = makeWorld()
    for (const name of ['a', 'b']) world.stage(name, 'x')
    world.link('.p2psync/staging/new-link', '../../a')
    drain(discardStaged(world.disk, world.root, ['a', 'gone', 'new-link']))
    expect(list(world)).toEqual([{ staged: 'b', sizeBytes: 1 }])
  })

  it('never takes a name that leads elsewhere', () => {
    using world = makeWorld()
    world.write('precious', 'x')
    for (const name of ['../../precious', '', '..', '.', 'a/b']) {
      expect(() => drain(discardStaged(world.disk, world.root, [name])), name).toThrow(/plain name/)
      expect(() => finish(world, [staged(name, 1)]), name).toThrow(/plain name/)
    }
    expect(world.read('precious')).toBe('x')
  })

  it('finds nothing where nothing was prepared', () => {
    using world = makeWorld()
    world.disk.removeFolder(`${world.root}/.p2psync/staging`)
    expect(list(world)).toEqual([])
    drain(discardStaged(world.disk, world.root, ['a']))
    expect(finish(world, [staged('a', 1)])).toEqual([{ staged: 'a', code: 'ENOENT' }])
  })

  it('finishes files with size, mode and time', () => {
    using world = makeWorld()
    world.stage('a', 'abcdef', 0o600)
    world.stage('run', 'x', 0o600)
    const failures = finish(world, [staged('a', 4), { ...staged('run', 1), executable: true }, staged('empty', 0)])
    expect(failures).toEqual([])
    expect(world.tree('.p2psync/staging')).toEqual({ a: 'abcd', run: 'x', empty: '' })
    expect(world.state('.p2psync/staging/a')).toMatchObject({ sizeBytes: 4, mode: 0o644 })
    expect(world.state('.p2psync/staging/run').mode).toBe(0o755)
    expect(world.state('.p2psync/staging/empty')).toMatchObject({ sizeBytes: 0, mode: 0o644 })
    for (const name of ['a', 'run', 'empty']) {
      expect(world.state(`.p2psync/staging/${name}`).mtimeNs / 1000n, name).toBe(mtimeNs / 1000n)
    }
  })

  it('tells which files are missing, short or no files', () => {
    using world = makeWorld()
    world.stage('short', 'abc')
    world.stage('good', 'abc')
    world.write('precious', 'abc')
    world.link('.p2psync/staging/link', '../../precious')
    const files = ['missing', 'short', 'link'].map((name) => staged(name, 4))
    expect(finish(world, [...files, staged('good', 3)])).toEqual([
      { staged: 'missing', code: 'ENOENT' },
      { staged: 'short', code: 'ENODATA' },
      { staged: 'link', code: 'EINVAL' },
    ])
    expect(world.read('precious')).toBe('abc')
  })

  it('flushes few files one by one, and many at once', () => {
    using world = makeWorld()
    const flushes = (count: number, fails = false): string[] => {
      const calls: string[] = []
      const files = Array.from({ length: count }, (_, i) => staged(world.stage(`f${i}`, 'x'), 1))
      const failures = finish(world, files, (operation) => {
        if (operation.startsWith('sync')) calls.push(operation)
        if (fails && operation === 'syncFileSystem') throw diskError('EIO')
      })
      expect(failures).toEqual(fails ? files.map((file) => ({ staged: file.staged, code: 'EIO' })) : [])
      return calls
    }
    expect(flushes(16)).toEqual(Array(16).fill('sync'))
    expect(flushes(17)).toEqual(['syncFileSystem'])
    expect(flushes(17, true)).toEqual(['syncFileSystem'])
  })

  it('tells which file could not be made durable', () => {
    using world = makeWorld()
    const files = ['a', 'b', 'c'].map((name) => staged(world.stage(name, 'x'), 1))
    let count = 0
    const failures = finish(world, files, (operation) => {
      if (operation === 'sync' && ++count === 2) throw diskError('EIO')
    })
    expect(failures).toEqual([{ staged: 'b', code: 'EIO' }])
  })
})

describe('staged files and a power cut', () => {
  it.each([3, 40])('keeps the bytes of %i files that were finished', (count) => {
    const world = memoryWorld()
    const files = Array.from({ length: count }, (_, i) => staged(world.stage(`f${i}`, `text ${i}`), `text ${i}`.length))
    world.disk.syncFolder(`${world.root}/.p2psync/staging`)
    expect(finish(world, files)).toEqual([])
    world.disk.crash()
    expect(Object.values(world.tree('.p2psync/staging'))).toEqual(files.map((_, i) => `text ${i}`))
    expect(world.disk.openHandles).toBe(0)
  })

  it('flushes one by one where the file system cannot be flushed as a whole', () => {
    const world = memoryWorld({ canSyncFileSystem: false })
    const files = Array.from({ length: 40 }, (_, i) => staged(world.stage(`f${i}`, 'x'), 1))
    let count = 0
    const failures = finish(world, files, (operation) => {
      if (operation === 'sync') count++
    })
    expect(failures).toEqual([])
    expect(count).toBe(40)
  })
})

const mtimeNs = 1_700_000_000_123_456_000n

function staged(name: string, sizeBytes: number): StagedFile {
  return { staged: name, sizeBytes, mtimeNs, executable: false }
}

function finish(world: World, files: readonly StagedFile[], hook: DiskHook = () => undefined): unknown[] {
  return drain(finishStaged(hookedDisk(world.disk, hook), world.root, files))
}

function list(world: World): unknown[] {
  const entries = drain(listStaged(world.disk, world.root)).map((file) => ({
    staged: file.staged,
    sizeBytes: file.sizeBytes,
  }))
  return entries.sort((a, b) => (a.staged < b.staged ? -1 : 1))
}
