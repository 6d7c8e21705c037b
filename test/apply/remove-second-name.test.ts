import { describe, expect, it } from 'vitest'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { StepResult } from '../../src/ports/file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { crashAt, failAt, type DiskHook } from './hooked-disk.ts'
import { applyUnlessCrashed } from './scene.ts'
import { removeSecondName } from './steps.ts'
import { memoryWorld, saveByRename, worlds, writeFile, type World } from './world.ts'

const name = 'file (copy)'

describe.each(worlds)('a second name of a file %s', (_name, makeWorld) => {
  it('is taken away, and the other one keeps the bytes', () => {
    using world = makeWorld()
    const expected = twoNames(world)
    const results = world.apply([removeSecondName(name, expected, 'file')])
    expect(results).toEqual([{ outcome: 'done', disk: null, kept: null }])
    expect(world.tree()).toEqual({ file: 'old' })
    expect(world.state('file').inode).toBe(expected.inode)
  })

  it.each([
    ['the other one is of another file with these bytes', (world: World) => save(world, 'file', 'old')],
    ['the other one is gone', (world: World) => world.disk.unlink(`${world.root}/file`)],
    ['it is of another file with these bytes', (world: World) => save(world, name, 'old')],
    ['it is gone', (world: World) => world.disk.unlink(`${world.root}/${name}`)],
    ['its file was written to since', (world: World) => writeFile(world.disk, `${world.root}/${name}`, 'edited')],
  ])('is left alone where %s', (_what, change) => {
    using world = makeWorld()
    const expected = twoNames(world)
    change(world)
    const before = world.tree()
    expect(world.apply([removeSecondName(name, expected, 'file')])).toEqual([{ outcome: 'changed' }])
    expect(world.tree()).toEqual(before)
  })

  it('is left alone where it is the only one, or is of no file', () => {
    using world = makeWorld()
    const [file, link] = [world.write('file', 'old'), world.link('link', 'x')]
    const results = world.apply([removeSecondName('file', file, 'file'), removeSecondName('link', link, 'link')])
    expect(results).toEqual([{ outcome: 'changed' }, { outcome: 'changed' }])
    expect(world.tree()).toEqual({ file: 'old', link: '-> x' })
  })

  it.each(['file', name])('costs nobody what takes the place of "%s" meanwhile, nor the file', (edited) => {
    let edits = 0
    for (let index = 0, isOver = false; !isOver; index++) {
      using world = makeWorld()
      const step = removeSecondName(name, twoNames(world), 'file')
      let [count, isEdited, isTaken] = [0, false, false]
      const hook: DiskHook = (operation) => {
        if (!isEdited) isTaken ||= operation === 'unlink'
        if (count++ !== index || world.look(edited) === null) return
        isEdited = true
        edits++
        save(world, edited, 'edited')
      }
      world.apply([step], { hook })
      isOver = count <= index
      if (isEdited) expect(world.read(edited)).toBe('edited')
      // Whoever replaces the one name that is left has seen what it was of.
      if (!isTaken || edited === name) expect(Object.values(world.tree())).toContain('old')
    }
    expect(edits).toBeGreaterThan(5)
  })

  it('is there or is not, wherever the process is killed, and the other one stays', () => {
    forEachCall(makeWorld, crashAt, (world) => {
      expect(world.read('file')).toBe('old')
      expect(['old', null]).toContain(world.read(name))
    })
  })

  it('stays when it cannot be taken away', () => {
    const fail = (index: number): DiskHook => failAt(index, 'EACCES')
    forEachCall(makeWorld, fail, (world, results) => {
      expect(world.read('file')).toBe('old')
      expect(world.read(name)).toBe(results[0]?.outcome === 'done' ? null : 'old')
    })
  })
})

describe('a second name of a file, and a power cut', () => {
  it('costs nothing in the middle, and is gone for good after it', () => {
    forEachCall(memoryWorld, crashAt, (world, results) => {
      world.disk.crash()
      expect(world.read('file')).toBe('old')
      if (results.length > 0) expect(world.read(name)).toBeNull()
    })
  })
})

/** A file under two names, all of it durable. */
function twoNames(world: World): DiskState {
  world.write('file', 'old')
  world.disk.hardLink(`${world.root}/file`, `${world.root}/${name}`)
  if (world.disk instanceof MemoryDisk) world.disk.syncFileSystem('/')
  return world.state('file')
}

function save(world: World, path: string, text: string): void {
  saveByRename(world.disk, `${world.root}/${path}`, text)
}

/** Takes the second name away in a fresh world for each call that this makes, with a hook for that one. */
function forEachCall<Place extends World>(
  makeWorld: () => Place,
  hookAt: (index: number) => DiskHook,
  check: (world: Place, results: readonly StepResult[]) => void,
): void {
  for (let index = 0, isOver = false; !isOver; index++) {
    using world = makeWorld()
    const step = removeSecondName(name, twoNames(world), 'file')
    const hook = hookAt(index)
    let count = 0
    const results = applyUnlessCrashed(world, [step], (operation, path) => {
      count++
      hook(operation, path)
    })
    isOver = count <= index
    check(world, results)
  }
}
