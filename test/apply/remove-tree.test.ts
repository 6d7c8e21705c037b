import { describe, expect, it } from 'vitest'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { ApplyStep } from '../../src/ports/file-tasks.ts'
import { crashAt, diskError, type DiskHook } from './hooked-disk.ts'
import { applyUnlessCrashed } from './scene.ts'
import { removeTree } from './steps.ts'
import type { at } from './world.ts'
import { memoryWorld, worlds, writeFile, type World } from './world.ts'

const files = ['1', 'deep/er/2', 'deep/3']
const folders = ['deep', 'deep/er', 'empty']

describe.each(worlds)('a folder that is removed as one %s', (_name, makeWorld) => {
  it('is in history with all that was in it, under a name of its own', () => {
    using world = makeWorld()
    fill(world, 'a/tree')
    const step = removal(world, 'a/tree')
    expect(world.apply([step])).toEqual([{ outcome: 'done', disk: null, kept: null, away: 'h1/a/tree' }])
    expect([world.look('a/tree'), world.look('a')?.kind]).toEqual([null, 'folder'])
    expect(world.read('.p2psync/history/h1/a/tree/deep/er/2')).toBe('text deep/er/2')
    expect(world.look('.p2psync/history/h1/a/tree/empty')?.kind).toBe('folder')
    fill(world, 'a/tree')
    expect(world.apply([removal(world, 'a/tree')])).toMatchObject([{ outcome: 'done', away: 'h1/a/tree (2)' }])
    expect(world.read('.p2psync/history/h1/a/tree (2)/1')).toBe('text 1')
  })

  it('may hold nothing, and nothing else may be there then', () => {
    using world = makeWorld()
    world.folder('a')
    world.folder('b')
    world.write('b/x', 'x')
    const steps = ['a', 'b'].map((path) => removeTree(path, world.state(path), {}))
    expect(world.apply(steps).map(({ outcome }) => outcome)).toEqual(['done', 'changed'])
    expect(world.visible()).toEqual({ 'b/x': 'x' })
  })

  it.each<[string, (world: World) => void]>([
    ['an edited file', (world) => void world.write('t/deep/3', 'edited')],
    ['a file that nobody knows', (world) => void world.write('t/deep/er/new', 'new')],
    ['a folder that nobody knows', (world) => world.folder('t/new')],
    ['a link that nobody knows', (world) => void world.link('t/link', 'x')],
    ['a file less', (world) => world.disk.unlink(`${world.root}/t/1`)],
    ['a folder less', (world) => world.disk.removeFolder(`${world.root}/t/empty`)],
    ['a folder in place of the same', (world) => renewFolder(world, 't/empty')],
    ['a link in place of a folder', (world) => linkInstead(world, 't/deep')],
    ['another folder in its place', (world) => replaceAll(world)],
    ['nothing in its place', (world) => world.disk.rename(`${world.root}/t`, `${world.root}/u`)],
  ])('stays where it is with %s', (_what, act) => {
    using world = makeWorld()
    fill(world, 't')
    const step = removal(world, 't')
    act(world)
    const before = world.tree()
    expect(world.apply([{ ...step, type: 'check-tree' }])).toEqual([{ outcome: 'changed' }])
    expect(world.tree()).toEqual(before)
    expect(world.apply([step])).toEqual([{ outcome: 'changed' }])
    expect(world.tree()).toEqual(before)
  })

  it('is looked at before, which changes nothing', () => {
    using world = makeWorld()
    fill(world, 't')
    const before = world.tree()
    const step = removal(world, 't')
    expect(world.apply([{ ...step, type: 'check-tree' }])[0]?.outcome).toBe('done')
    expect(world.tree()).toEqual(before)
  })

  it('is put back when it is edited while it goes, at whatever moment; or what was edited is in history', () => {
    let count = 0
    {
      using world = makeWorld()
      fill(world, 't')
      world.apply([removal(world, 't')], { hook: () => void count++ })
    }
    let putBack = 0
    for (let index = 0; index < count; index++) {
      using world = makeWorld()
      fill(world, 't')
      let calls = 0
      const hook: DiskHook = () => {
        if (calls++ !== index) return
        for (const base of [`${world.root}/t`, `${world.root}/.p2psync/history/h1/t`]) {
          if (world.disk.lstat(`${base}/deep`) !== null) writeFile(world.disk, `${base}/deep/mine`, 'mine')
        }
      }
      const [result] = world.apply([removal(world, 't')], { hook })
      expect(Object.values(world.tree())).toEqual(
        expect.arrayContaining(['mine', ...files.map((name) => `text ${name}`)]),
      )
      if (result?.outcome === 'done') expect(world.look('t')).toBeNull()
      else putBack += world.read('t/deep/mine') === 'mine' ? 1 : 0
    }
    expect(putBack).toBeGreaterThan(count / 4)
  })

  it.each<[string, Record<string, string>]>([
    ['a folder', { 't/theirs': 'theirs' }],
    ['an empty folder', {}],
  ])('leaves %s that takes its place meanwhile alone, and is in history then', (_what, theirs) => {
    using world = makeWorld()
    fill(world, 't')
    const hook: DiskHook = (operation, path) => {
      if (operation !== 'lstat' || !path.endsWith('/history/h1/t')) return
      if (world.look('t') !== null || world.look('.p2psync/history/h1/t') === null) return
      world.folder('t')
      for (const [name, text] of Object.entries(theirs)) world.write(name, text)
      world.write('.p2psync/history/h1/t/1', 'edited')
    }
    expect(world.apply([removal(world, 't')], { hook })).toEqual([{ outcome: 'changed' }])
    expect(world.look('t')?.kind).toBe('folder')
    expect(world.visible()).toEqual(theirs)
    expect(world.read('.p2psync/history/h1/t/1')).toBe('edited')
  })

  it('is put back when the disk fails while it is looked at', () => {
    using world = makeWorld()
    fill(world, 't')
    const before = world.visible()
    const hook: DiskHook = (operation, path) => {
      if (operation === 'readFolder' && path.endsWith('/history/h1/t/deep')) throw diskError('EIO')
    }
    expect(world.apply([removal(world, 't')], { hook })).toMatchObject([{ outcome: 'failed', code: 'EIO' }])
    expect(world.visible()).toEqual(before)
  })

  it('is whole in one of two places, wherever the process is killed or the disk fails', () => {
    let count = 0
    {
      using world = makeWorld()
      fill(world, 't')
      world.apply([removal(world, 't')], { hook: () => void count++ })
    }
    const failAt = (index: number): DiskHook => {
      let calls = 0
      return () => {
        if (calls++ === index) throw diskError('EIO')
      }
    }
    for (let index = 0; index < count; index++) {
      for (const hook of [crashAt(index), failAt(index)]) {
        using world = makeWorld()
        fill(world, 't')
        const [result] = applyUnlessCrashed(world, [removal(world, 't')], hook)
        const place = world.look('t') === null ? '.p2psync/history/h1/t' : 't'
        expect(files.map((name) => world.read(`${place}/${name}`))).toEqual(files.map((name) => `text ${name}`))
        if (result?.outcome === 'done') expect(world.look('t')).toBeNull()
      }
    }
  })

  it('does not get out of the root by a symlink, nor into what is ours', () => {
    using world = makeWorld()
    fill(world, 't')
    world.link('out', world.outside)
    const step = removal(world, 't')
    for (const path of ['out/t', '../outside', '.p2psync/history', '.p2psync']) {
      expect(world.apply([{ ...step, path: path as ReturnType<typeof at> }])[0]?.outcome).not.toBe('done')
    }
    expect([world.outsideTree(), world.read('t/1')]).toEqual([{}, 'text 1'])
  })
})

describe('a folder that is removed as one', () => {
  it('stays removed, and in history, through a power cut right behind it', () => {
    using world = memoryWorld()
    fill(world, 'a/t')
    const step = removal(world, 'a/t')
    world.disk.syncFileSystem('/')
    expect(world.apply([step])[0]?.outcome).toBe('done')
    world.disk.crash()
    expect(world.visible()).toEqual({})
    expect(files.map((name) => world.read(`.p2psync/history/h1/a/t/${name}`))).toEqual(
      files.map((name) => `text ${name}`),
    )
  })

  it('stays where it is with a file whose name is no text', () => {
    using world = memoryWorld()
    fill(world, 't')
    const step = removal(world, 't')
    world.disk.addUndecodableName(`${world.root}/t/deep/er`)
    expect(world.apply([step])).toEqual([{ outcome: 'changed' }])
    expect(world.read('t/1')).toBe('text 1')
  })
})

function fill(world: World, top: string): void {
  for (const name of files) world.write(`${top}/${name}`, `text ${name}`)
  world.folder(`${top}/empty`)
}

function removal(world: World, top: string): Extract<ApplyStep, { type: 'remove-tree' }> {
  const below: Record<string, DiskState> = {}
  for (const name of [...files, ...folders]) below[name] = world.state(`${top}/${name}`)
  return removeTree(top, world.state(top), below)
}

function renewFolder(world: World, path: string): void {
  world.disk.rename(`${world.root}/${path}`, `${world.root}/aside`)
  world.folder(path)
}

function linkInstead(world: World, path: string): void {
  world.disk.rename(`${world.root}/${path}`, `${world.root}/aside`)
  world.link(path, 'aside')
}

function replaceAll(world: World): void {
  world.disk.rename(`${world.root}/t`, `${world.root}/aside`)
  fill(world, 't')
}
