import { describe, expect, it } from 'vitest'
import { prepareRoot, readMarker } from '../../src/apply/root.ts'
import type { FolderMarker } from '../../src/model/folder-marker.ts'
import { Crash, crashAt, hookedDisk } from './hooked-disk.ts'
import { drain, memoryWorld, worlds, type World } from './world.ts'

describe.each(worlds)('a root %s', (_name, makeWorld) => {
  it('is made with its parents and private folders, and again changes nothing', () => {
    using world = makeWorld()
    const root = `${world.base}/x/y/z`
    for (let i = 0; i < 2; i++) drain(prepareRoot(world.disk, root, null))
    const kinds = ['', '/.p2psync', '/.p2psync/staging', '/.p2psync/history'].map(
      (path) => world.disk.lstat(root + path)?.kind,
    )
    expect(kinds).toEqual(Array(4).fill('folder'))
    expect(world.disk.lstat(`${root}/.p2psync`)).toMatchObject({ mode: 0o700 })
    expect(drain(readMarker(world.disk, root))).toBeNull()
  })

  it('keeps its marker, until another takes its place', () => {
    using world = makeWorld()
    expect(read(world)).toBeNull()
    for (const fresh of [marker, { ...marker, nonce: 'c'.repeat(32) }]) {
      drain(prepareRoot(world.disk, world.root, fresh))
      expect(read(world)).toEqual(fresh)
      drain(prepareRoot(world.disk, world.root, null))
      expect(read(world)).toEqual(fresh)
    }
    expect(Object.keys(world.tree())).toEqual(['.p2psync/folder.json'])
  })

  it('has no marker when the file is malformed', () => {
    using world = makeWorld()
    const { folder, nonce } = marker
    const malformed = [
      '',
      'null',
      '[]',
      '"x"',
      JSON.stringify({ folder }),
      JSON.stringify({ nonce }),
      JSON.stringify({ folder: folder.toUpperCase(), nonce }),
      JSON.stringify({ folder: `${folder}\n`, nonce }),
      JSON.stringify({ folder, nonce: `${nonce}0` }),
      JSON.stringify({ folder: 1, nonce }),
      JSON.stringify(marker).slice(0, -1),
      JSON.stringify(marker) + ' '.repeat(5000),
    ]
    for (const text of malformed) {
      world.write('.p2psync/folder.json', text)
      expect(read(world), text.slice(0, 40)).toBeNull()
    }
    world.write('.p2psync/folder.json', JSON.stringify({ ...marker, later: 1 }))
    expect(read(world)).toEqual(marker)
  })

  it('has no marker when that is a symlink or a folder, or lies behind a symlink', () => {
    using world = makeWorld()
    world.write('elsewhere/folder.json', JSON.stringify(marker))
    world.link('.p2psync/folder.json', '../elsewhere/folder.json')
    expect(read(world)).toBeNull()
    world.disk.unlink(`${world.root}/.p2psync/folder.json`)
    world.folder('.p2psync/folder.json')
    expect(read(world)).toBeNull()
    world.disk.rename(`${world.root}/.p2psync`, `${world.root}/aside`)
    world.link('.p2psync', 'elsewhere')
    expect(read(world)).toBeNull()
  })

  it('is refused where something else is in the way', () => {
    using world = makeWorld()
    world.write('file', 'x')
    const refused = /is not a folder/
    expect(() => drain(prepareRoot(world.disk, `${world.root}/file`, null))).toThrow(refused)
    world.folder('other')
    world.link('other/.p2psync', '../../outside')
    expect(() => drain(prepareRoot(world.disk, `${world.root}/other`, marker))).toThrow(refused)
    expect(world.outsideTree()).toEqual({})
  })

  it('holds the old or the new marker, wherever it is killed', () => {
    const newer = { ...marker, nonce: 'd'.repeat(32) }
    const seen = new Set<string>()
    for (let index = 0; index < 40; index++) {
      using world = makeWorld()
      drain(prepareRoot(world.disk, world.root, marker))
      prepareUnlessCrashed(world, newer, index)
      seen.add(read(world)?.nonce ?? 'none')
      drain(prepareRoot(world.disk, world.root, newer))
      expect(read(world)).toEqual(newer)
    }
    expect([...seen]).toEqual([marker.nonce, newer.nonce])
  })
})

it('keeps a marker through a power cut', () => {
  const world = memoryWorld()
  const root = '/new/folder'
  drain(prepareRoot(world.disk, root, marker))
  world.disk.crash()
  expect(drain(readMarker(world.disk, root))).toEqual(marker)
  expect(world.disk.openHandles).toBe(0)
})

const marker: FolderMarker = { folder: 'a'.repeat(64), nonce: 'b'.repeat(32) }

function read(world: World): FolderMarker | null {
  return drain(readMarker(world.disk, world.root))
}

function prepareUnlessCrashed(world: World, fresh: FolderMarker, index: number): void {
  try {
    drain(prepareRoot(hookedDisk(world.disk, crashAt(index)), world.root, fresh))
  } catch (error) {
    if (!(error instanceof Crash)) throw error
  }
}
