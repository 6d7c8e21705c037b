import { describe, expect, it } from 'vitest'

import { DiskError } from '../../src/disk/disk-error.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { LstatResult } from '../../src/ports/file-tasks.ts'
import { lstatPaths } from '../../src/watcher/lstat-paths.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'

const root = '/sync'

function memoryDisk(...files: readonly string[]): MemoryDisk {
  const disk = new MemoryDisk()
  disk.makeFolders(root)
  for (const file of files) disk.writeFile(`${root}/${file}`, file)
  return disk
}

function look(disk: MemoryDisk, ...paths: readonly string[]): readonly LstatResult[] {
  const job = lstatPaths(disk, root, paths as readonly RelativePath[])
  for (;;) {
    const step = job.next()
    if (step.done === true) return step.value
  }
}

function outcomes(disk: MemoryDisk, ...paths: readonly string[]): readonly string[] {
  return look(disk, ...paths).map(({ outcome }) => outcome)
}

describe('lstatPaths', () => {
  it('finds files, folders and links, in the order asked for', () => {
    const disk = memoryDisk('a/b')
    disk.makeLink(`${root}/a/link`, 'b')
    expect(look(disk, 'a/link', 'a', 'a/b')).toMatchObject([
      { path: 'a/link', outcome: 'found', linkTarget: 'b', disk: { kind: 'symlink' } },
      { path: 'a', outcome: 'found', disk: { kind: 'folder' } },
      { path: 'a/b', outcome: 'found', disk: disk.lstat(`${root}/a/b`), reason: '' },
    ])
  })

  it('calls absent what is missing or lies below what is no folder', () => {
    const disk = memoryDisk('file', 'folder/x')
    disk.makeLink(`${root}/link`, 'folder')
    disk.makeOther(`${root}/pipe`)
    const paths = ['gone', 'gone/x/y', 'file/x', 'link/x', 'pipe/x', 'folder/gone']
    expect(outcomes(disk, ...paths)).toEqual(paths.map(() => 'absent'))
  })

  it('never calls absent what it could not look at', () => {
    const disk = memoryDisk('locked/x', 'broken')
    disk.setAccess(`${root}/locked`, { read: false })
    disk.onCall = (operation, path) => {
      if (operation === 'lstat' && path === `${root}/broken`) throw new DiskError('EIO', path)
    }
    expect(look(disk, 'locked/x', 'locked', 'broken')).toMatchObject([
      { outcome: 'unknown', disk: null, reason: 'it cannot be looked at: permission denied' },
      { outcome: 'found' },
      { outcome: 'unknown', reason: 'it cannot be looked at: EIO: /sync/broken' },
    ])
  })

  it('says why something is not synced', () => {
    const disk = memoryDisk('other/.p2psync/folder.json', 'other/a/b')
    disk.makeOther(`${root}/pipe`)
    disk.makeLink(`${root}/out`, '/etc')
    expect(look(disk, 'pipe', 'out', 'other', 'other/a/b', 'n'.repeat(256))).toMatchObject([
      { outcome: 'taken', reason: 'it is neither file, folder nor symlink' },
      { outcome: 'taken', reason: 'its target is absolute' },
      { outcome: 'unsynced', reason: 'it is a synced folder of its own' },
      { outcome: 'unsynced', reason: 'it is in a synced folder of its own' },
      { outcome: 'unsynced', reason: 'its name is longer than 255 bytes' },
    ])
  })

  it('does not look into another file system that is mounted below', () => {
    const disk = memoryDisk('mnt/a', 'mnt/b/c', 'd')
    disk.makeOther(`${root}/hidden`)
    for (const path of ['mnt', 'hidden']) disk.mount(`${root}/${path}`)
    expect(look(disk, 'mnt', 'mnt/a', 'mnt/b/c', 'd', 'hidden')).toMatchObject([
      { outcome: 'unsynced', reason: 'another file system is mounted there' },
      { outcome: 'unsynced', reason: 'it is on another file system, which is mounted below the folder' },
      { outcome: 'unsynced', reason: 'it is on another file system, which is mounted below the folder' },
      { outcome: 'found' },
      { outcome: 'unsynced', reason: 'another file system is mounted there' },
    ])
  })

  it('looks at a common parent once a slice and pauses between slices', () => {
    const paths = Array.from({ length: 1200 }, (_, i) => `a/b/${i}`)
    const disk = memoryDisk(...paths)
    let looks = 0
    disk.onCall = () => looks++
    const job = lstatPaths(disk, root, paths as RelativePath[])
    expect([job.next().done, job.next().done, job.next().done]).toEqual([false, false, true])
    // A slice: the root's file system; entry, file system and marker of each of two parents.
    expect(looks).toBe(1200 + 3 * 7)
  })
})
