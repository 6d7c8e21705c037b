import { describe, expect, it } from 'vitest'
import { isExecutable } from '../../src/model/disk-state.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { ApplyStep } from '../../src/ports/file-tasks.ts'
import { diskError } from './hooked-disk.ts'
import { givenMtimeNs, moveFile, moveFolder } from './steps.ts'
import { saveByRename, summary, worlds, writeFile, type at, type World } from './world.ts'

describe.each(worlds)('a folder that is moved %s', (_name, makeWorld) => {
  it('keeps its inode and all that is in it, seen or not', () => {
    using world = makeWorld()
    world.write('a/x/1', 'one')
    const before = world.state('a')
    world.write('a/not seen', 'mine')
    const [result] = world.apply([moveFolder('b', 'a', before)])
    expect(result).toMatchObject({ outcome: 'done', disk: { kind: 'folder', inode: before.inode } })
    expect(world.visible()).toEqual({ 'b/x/1': 'one', 'b/not seen': 'mine' })
    expect(world.look('a')).toBeNull()
  })

  it('is left where it is when anything but it alone is there, or something at its new place', () => {
    using world = makeWorld()
    world.write('a/x', 'x')
    world.folder('empty')
    world.write('full/y', 'y')
    world.write('file', 'f')
    const folder = world.state('a')
    const before = world.tree()
    const steps = [
      ...['empty', 'full', 'file', 'missing/b'].map((path) => moveFolder(path, 'a', folder)),
      moveFolder('b', 'a', world.state('full')),
      moveFolder('b', 'missing', folder),
      moveFolder('b', 'file', world.state('file')),
    ]
    expect(world.apply(steps).map(summary)).toEqual(steps.map(() => 'changed'))
    expect(world.apply([moveFolder('file/b', 'a', folder)])[0]?.outcome).toBe('blocked')
    expect(world.tree()).toEqual(before)
    expect(world.look('missing')).toBeNull()
  })

  it('does not get out of the root by a symlink, nor into what is ours', () => {
    using world = makeWorld()
    world.write('a/x', 'x')
    world.link('out', world.outside)
    const folder = world.state('a')
    const paths = ['out/b', '../outside/b', '.p2psync/b']
    const results = world.apply(
      paths.map((path) => ({ ...moveFolder('b', 'a', folder), path: path as ReturnType<typeof at> })),
    )
    for (const { outcome } of results) expect(outcome).not.toBe('done')
    const from = world.apply([{ ...moveFolder('b', 'a', folder), from: '.p2psync/history' } as ApplyStep])
    expect(from.map((result) => result.outcome)).toEqual(['blocked'])
    expect([world.outsideTree(), world.read('a/x'), world.look('b')]).toEqual([{}, 'x', null])
  })

  it('stays where it is when the disk does not let it go', () => {
    using world = makeWorld()
    world.write('a/x', 'x')
    const hook = (operation: string): void => {
      if (operation === 'rename') throw diskError('EXDEV')
    }
    const [result] = world.apply([moveFolder('b', 'a', world.state('a'))], { hook })
    expect(result?.outcome).not.toBe('done')
    expect(world.visible()).toEqual({ 'a/x': 'x' })
  })
})

describe.each(worlds)('a file that is moved %s', (_name, makeWorld) => {
  it('keeps its inode, and gets the time and the executable bit of its new path', () => {
    using world = makeWorld()
    const disk = world.write('a', 'text')
    const [result] = world.apply([moveFile('new/er/b', null, { path: 'a', disk }, { executable: true })])
    const now = world.state('new/er/b')
    expect([now.inode, now.mtimeNs, isExecutable(now.mode)]).toEqual([disk.inode, givenMtimeNs, true])
    expect(result).toEqual({ outcome: 'done', disk: now, kept: null })
    expect(world.visible()).toEqual({ 'new/er/b': 'text' })
  })

  it('keeps its time to the nanosecond where it is to keep it', () => {
    using world = makeWorld()
    const disk = world.write('a', 'text')
    const step = moveFile('b', null, { path: 'a', disk }, { mtimeNs: disk.mtimeNs - 999n })
    expect(world.apply([step]).map(summary)).toEqual(['done'])
    expect(world.state('b').mtimeNs).toBe(disk.mtimeNs)
  })

  it('takes the place of another, of which the old version is kept', () => {
    using world = makeWorld()
    const disk = world.write('a', 'text')
    expect(world.apply([moveFile('b', world.write('b', 'old'), { path: 'a', disk })]).map(summary)).toEqual(['done'])
    expect(world.visible()).toEqual({ b: 'text' })
    expect(world.tree('.p2psync/history')).toEqual({ 'h1/b': 'old' })
  })

  it('is left where it is when it, or what is at its new place, is not as expected', () => {
    using world = makeWorld()
    const old = world.write('a', 'old')
    world.write('a', 'edited')
    const disk = world.write('c', 'c')
    const before = world.write('b', 'b')
    world.write('b', 'bb')
    world.folder('folder')
    const steps = [
      moveFile('new', null, { path: 'a', disk: old }),
      moveFile('b', before, { path: 'c', disk }),
      moveFile('b', null, { path: 'c', disk }),
      moveFile('folder', null, { path: 'c', disk }),
      moveFile('folder', world.state('folder'), { path: 'c', disk }),
      moveFile('gone', before, { path: 'c', disk }),
      moveFile('new', null, { path: 'missing', disk }),
    ]
    expect(world.apply(steps).map(summary)).toEqual(steps.map(() => 'changed'))
    expect(world.tree()).toEqual({ a: 'edited', b: 'bb', c: 'c' })
  })

  it('is put back when it was saved anew in the instant of its move, and so is what it replaced', () => {
    for (const isThere of [false, true]) {
      for (const hasLinks of [true, false]) {
        using world = makeWorld()
        const disk = world.write('a', 'text')
        const step = moveFile('b', isThere ? world.write('b', 'old') : null, { path: 'a', disk })
        let edited = false
        const hook = (operation: string, path: string): void => {
          if (operation === 'hardLink' && !hasLinks) throw diskError('ENOTSUP')
          if (operation !== 'rename' || edited || !path.endsWith('root/a')) return
          edited = true
          saveByRename(world.disk, path, 'edited')
        }
        expect(world.apply([step], { hook }).map(summary)).toEqual(['changed'])
        expect(world.visible()).toEqual(isThere ? { a: 'edited', b: 'old' } : { a: 'edited' })
      }
    }
  })

  it('loses no edit of it, whenever that is made', () => {
    for (const edit of [saveByRename, writeFile]) forEachEdit(makeWorld, 'a', edit, ['edited', 'old b'])
  })

  it('loses no edit of what it replaces, but one that is saved by rename in the very instant of its move', () => {
    forEachEdit(makeWorld, 'b', writeFile, ['text', 'edited'])
    forEachEdit(makeWorld, 'b', saveByRename, ['text', 'edited'], (operation) => operation === 'rename')
  })
})

/** Lets a user's edit of a file come before each operation of a move over another file, in a fresh world each. */
function forEachEdit(
  makeWorld: () => World,
  edited: 'a' | 'b',
  edit: (disk: World['disk'], path: string, text: string) => void,
  kept: readonly string[],
  isExcused: (operation: string) => boolean = () => false,
): void {
  let edits = 0
  for (let index = 0, isOver = false; !isOver; index++) {
    using world = makeWorld()
    const disk: DiskState = world.write('a', 'text')
    const step = moveFile('b', world.write('b', 'old b'), { path: 'a', disk })
    let count = 0
    let at = ''
    world.apply([step], {
      hook: (operation) => {
        if (count++ !== index || world.read(edited) !== (edited === 'a' ? 'text' : 'old b')) return
        at = operation
        edit(world.disk, `${world.root}/${edited}`, 'edited')
        edits++
      },
    })
    isOver = count <= index
    if (at === '' || isExcused(at)) continue
    expect(Object.values(world.tree()), `${edited} before ${at}`).toEqual(expect.arrayContaining([...kept]))
  }
  expect(edits).toBeGreaterThan(5)
}
