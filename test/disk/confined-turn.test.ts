import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CheckedFolders } from '../../src/disk/checked-folders.ts'
import { ConfinedDisk } from '../../src/disk/confined-disk.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'p2psync-confined-'))
  mkdirSync(join(root, 'd'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('within one turn of the event loop', () => {
  it.each([true, false])('a folder that was renamed is no longer what its path means (handles: %s)', (holds) => {
    const disk = new ConfinedDisk(root, { holds })
    disk.close(disk.create(`${root}/d/one`, 0o600))
    disk.rename(`${root}/d`, `${root}/e`)
    disk.makeFolder(`${root}/d`)
    disk.close(disk.create(`${root}/d/two`, 0o600))
    expect([readdirSync(join(root, 'd')), readdirSync(join(root, 'e'))]).toEqual([['two'], ['one']])
  })

  it.each([true, false])('folders below one that was renamed are not where they were (handles: %s)', (holds) => {
    mkdirSync(join(root, 'd/b'))
    const disk = new ConfinedDisk(root, { holds })
    disk.close(disk.create(`${root}/d/b/one`, 0o600))
    disk.rename(`${root}/d`, `${root}/e`)
    expect(disk.lstat(`${root}/d/b/one`)).toBeNull()
    disk.makeFolder(`${root}/d`)
    disk.makeFolder(`${root}/d/b`)
    disk.close(disk.create(`${root}/d/b/two`, 0o600))
    expect([readdirSync(join(root, 'd/b')), readdirSync(join(root, 'e/b'))]).toEqual([['two'], ['one']])
  })

  it.each([true, false])('a folder that went under a rename or a removal is another one (handles: %s)', (holds) => {
    mkdirSync(join(root, 'new'))
    writeFileSync(join(root, 'new/file'), 'new')
    const disk = new ConfinedDisk(root, { holds })
    const make = (path: string): void => disk.close(disk.create(path, 0o600))
    make(`${root}/d/file`)
    disk.unlink(`${root}/d/file`)
    disk.rename(`${root}/new`, `${root}/d`)
    make(`${root}/d/other`)
    expect(readdirSync(join(root, 'd')).sort()).toEqual(['file', 'other'])
    for (const name of ['file', 'other']) disk.unlink(`${root}/d/${name}`)
    disk.removeFolder(`${root}/d`)
    disk.makeFolder(`${root}/d`)
    make(`${root}/d/again`)
    expect(readdirSync(join(root, 'd'))).toEqual(['again'])
  })

  it.runIf(process.platform === 'linux')('a look goes the way of the act before it', () => {
    const disk = new ConfinedDisk(root)
    disk.close(disk.create(`${root}/d/file`, 0o600))
    renameSync(join(root, 'd'), join(root, 'e'))
    mkdirSync(join(root, 'd'))
    writeFileSync(join(root, 'd/file'), 'another')
    expect(disk.lstat(`${root}/d/file`)).toMatchObject({ sizeBytes: 0 })
  })

  it('a folder that took the place of the one that was checked is told after the call', () => {
    const way = new CheckedFolders(root)
    way.enter(`${root}/d/file`)
    renameSync(join(root, 'd'), join(root, 'e'))
    mkdirSync(join(root, 'd'))
    expect(() => way.leave(`${root}/d/file`)).toThrow(expect.objectContaining({ code: 'ENOTDIR' }))
    way.enter(`${root}/d/file`)
    expect(() => way.leave(`${root}/d/file`)).not.toThrow()
  })
})
