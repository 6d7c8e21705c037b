import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
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
