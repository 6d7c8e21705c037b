import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfinedDisk } from '../../src/disk/confined-disk.ts'
import { nextTurn } from '../../src/model/next-turn.ts'
import { describeDisk } from './disk-contract.ts'
import { codeOf } from './disk-under-test.ts'

const onLinux = process.platform === 'linux'
const ways = onLinux ? [true, false] : [false]

describe.each(ways)('ConfinedDisk (by handles: %s)', (holds) => {
  describeDisk(
    'ConfinedDisk',
    () => {
      const { base, root } = makeWorld()
      return { disk: new ConfinedDisk(root, { holds }), root, dispose: () => fs.rmSync(base, { recursive: true }) }
    },
    { isConfined: true },
  )

  it('goes nowhere below a symlink', () => {
    withWorld(holds, ({ disk, root, outside }) => {
      fs.writeFileSync(`${root}/own`, 'own')
      fs.symlinkSync(outside, `${root}/link`)
      const before = treeOf(outside)
      for (const [name, act] of actsBelow(disk, `${root}/link`, `${root}/own`)) {
        expect([name, codeOf(act)]).toEqual([name, 'ENOTDIR'])
      }
      expect(treeOf(outside)).toEqual(before)
      expect(fs.readdirSync(root)).toEqual(['link', 'own'])
    })
  })

  it('goes nowhere below a symlink that came where a folder was, not even within the turn', () => {
    withWorld(holds, ({ disk, root, outside }) => {
      fs.mkdirSync(`${root}/a`)
      fs.mkdirSync(`${root}/a/b`)
      fs.writeFileSync(`${root}/own`, 'own')
      fs.writeFileSync(`${root}/a/b/file`, 'inside')
      expect(disk.lstat(`${root}/a/b/file`)).toMatchObject({ kind: 'file', sizeBytes: 6 })
      fs.renameSync(`${root}/a`, `${root}/aside`)
      fs.mkdirSync(`${outside}/b`)
      fs.writeFileSync(`${outside}/b/file`, 'sentinel')
      fs.symlinkSync(outside, `${root}/a`)
      const before = treeOf(outside)
      for (const [, act] of actsBelow(disk, `${root}/a/b`, `${root}/own`)) codeOf(act)
      expect(treeOf(outside)).toEqual(before)
    })
  })

  it('may have a root that is named by a symlink', () => {
    withWorld(holds, ({ base, root }) => {
      fs.symlinkSync(root, `${base}/name`)
      const disk = new ConfinedDisk(`${base}/name`, { holds })
      disk.makeFolder(`${base}/name/folder`)
      disk.close(disk.create(`${base}/name/folder/file`, 0o600))
      expect(fs.readdirSync(`${root}/folder`)).toEqual(['file'])
    })
  })

  it('finds what is below a folder at its new place, and what has taken the old one', () => {
    withWorld(holds, ({ disk, root }) => {
      fs.mkdirSync(`${root}/a/b`, { recursive: true })
      fs.mkdirSync(`${root}/new/b`, { recursive: true })
      fs.writeFileSync(`${root}/a/b/file`, 'one')
      fs.writeFileSync(`${root}/new/b/file`, 'three')
      const sizeAt = (path: string) => disk.lstat(`${root}/${path}`)
      expect([sizeAt('a/b/file'), sizeAt('new/b/file')]).toMatchObject([{ sizeBytes: 3 }, { sizeBytes: 5 }])
      disk.rename(`${root}/a`, `${root}/old`)
      disk.rename(`${root}/new`, `${root}/a`)
      expect([sizeAt('a/b/file'), sizeAt('old/b/file')]).toMatchObject([{ sizeBytes: 5 }, { sizeBytes: 3 }])
      expect(sizeAt('new/b/file')).toBeNull()
      fs.unlinkSync(`${root}/a/b/file`)
      disk.removeFolder(`${root}/a/b`)
      disk.makeFolder(`${root}/a/b`)
      disk.makeFolder(`${root}/a/b/c`)
      expect(fs.readdirSync(`${root}/a/b`)).toEqual(['c'])
    })
  })

  it('names in an error the path that was asked for', () => {
    withWorld(holds, ({ disk, root }) => {
      fs.mkdirSync(`${root}/a`)
      expect(() => disk.unlink(`${root}/a/none`)).toThrow(`'${root}/a/none'`)
      expect(() => disk.unlink(`${root}/none/file`)).toThrow(`ENOENT: a parent of ${root}/none/file`)
      expect(() => disk.rename(`${root}/a/x`, `${root}/a/y`)).toThrow(`'${root}/a/x' -> '${root}/a/y'`)
    })
  })

  it('refuses a path that is not below its root', () => {
    withWorld(holds, ({ disk, root, outside }) => {
      for (const path of [`${outside}/file`, `${root}-other`, `${root}/..`, `${root}/a/../../outside/file`]) {
        expect(() => disk.unlink(path)).toThrow(/below its root|what it means/)
      }
      expect(fs.readdirSync(outside)).toEqual(['file'])
    })
  })
})

describe.runIf(onLinux)('ConfinedDisk by handles', () => {
  it('sees a path of a hundred folders', () => {
    withWorld(true, ({ disk, root }) => {
      let path = root
      for (let i = 0; i < 100; i++) disk.makeFolder((path += '/folder'))
      disk.close(disk.create(`${path}/file`, 0o600))
      disk.rename(`${path}/file`, `${root}/file`)
      expect(disk.lstat(`${root}/file`)).toMatchObject({ kind: 'file' })
    })
  })

  it('holds 64 folders between two calls, and none in the next turn', async () => {
    const { base, root } = makeWorld()
    try {
      // What earlier tests hold ends with their turn.
      await nextTurn()
      const disk = new ConfinedDisk(root)
      const openAtFirst = openHandles()
      for (let i = 0; i < 100; i++) {
        disk.makeFolder(`${root}/${i}`)
        disk.makeFolder(`${root}/${i}/x`)
        expect(openHandles() - openAtFirst).toBeLessThanOrEqual(64)
      }
      expect(openHandles() - openAtFirst).toBeGreaterThan(1)
      await nextTurn()
      expect(openHandles()).toBe(openAtFirst)
      expect(fs.readdirSync(root).length).toBe(100)
    } finally {
      fs.rmSync(base, { recursive: true })
    }
  })
})

interface World {
  readonly base: string
  readonly root: string
  /** Holds `file`. */
  readonly outside: string
}

function makeWorld(): World {
  const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'p2psync-confined-')))
  const [root, outside] = [`${base}/root`, `${base}/outside`]
  fs.mkdirSync(root)
  fs.mkdirSync(outside)
  fs.writeFileSync(`${outside}/file`, 'sentinel', { mode: 0o640 })
  return { base, root, outside }
}

function withWorld(holds: boolean, act: (world: World & { disk: ConfinedDisk }) => void): void {
  const world = makeWorld()
  try {
    act({ ...world, disk: new ConfinedDisk(world.root, { holds }) })
  } finally {
    fs.rmSync(world.base, { recursive: true })
  }
}

/** Every call that names a path, each on something below `folder`; `own` is a file inside of the root. */
function actsBelow(disk: ConfinedDisk, folder: string, own: string): readonly (readonly [string, () => unknown])[] {
  const file = `${folder}/file`
  const fresh = `${folder}/fresh`
  return [
    ['readFolder', () => disk.readFolder(`${folder}/.p2psync`)],
    ['readLink', () => disk.readLink(file)],
    ['openRead', () => disk.openRead(file)],
    ['openWrite', () => disk.openWrite(file)],
    ['create', () => disk.create(fresh, 0o600)],
    ['makeFolder', () => disk.makeFolder(fresh)],
    ['makeLink', () => disk.makeLink(fresh, 'x')],
    ['setLinkMtime', () => disk.setLinkMtime(file, 0n)],
    ['setPathMode', () => disk.setPathMode(file, 0o777)],
    ['hardLink from', () => disk.hardLink(file, `${own}-2`)],
    ['hardLink to', () => disk.hardLink(own, fresh)],
    ['copyFile from', () => disk.copyFile(file, `${own}-2`)],
    ['copyFile to', () => disk.copyFile(own, fresh)],
    ['cloneFile from', () => disk.cloneFile(file, `${own}-2`)],
    ['cloneFile to', () => disk.cloneFile(own, fresh)],
    ['rename from', () => disk.rename(file, `${own}-2`)],
    ['rename to', () => disk.rename(own, fresh)],
    ['unlink', () => disk.unlink(file)],
    ['removeFolder', () => disk.removeFolder(`${folder}/b`)],
    ['syncFolder', () => disk.syncFolder(`${folder}/b`)],
    ['syncFileSystem', () => disk.syncFileSystem(`${folder}/b`)],
    ['freeBytes', () => disk.freeBytes(`${folder}/b`)],
  ]
}

/** Everything in a folder, with what an act on it would change. */
function treeOf(folder: string): readonly string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const { ino, mode, mtimeMs, ctimeMs, nlink } = fs.lstatSync(`${folder}/${name}`)
      return [name, ino, mode, mtimeMs, ctimeMs, nlink].join(' ')
    })
    .toSorted()
}

function openHandles(): number {
  return fs.readdirSync('/proc/self/fd').length
}
