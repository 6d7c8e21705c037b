import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { joinDifferences, type TreeDifference } from '../../src/manifest/compare-trees.ts'
import type { EntryChange } from '../../src/manifest/pair-renames.ts'
import { newNode } from '../../src/manifest/tree-node.ts'
import type { MemoryDisk } from '../twins/memory-disk.ts'
import { lines, WatchedFolder } from './watched-folder.ts'

const seed = 3
let watched: WatchedFolder
let disk: MemoryDisk

beforeEach(async () => {
  watched = new WatchedFolder()
  disk = watched.disk
  disk.writeFile('/r/a/b/f', '1')
  disk.writeFile('/r/a/g', '22')
  disk.writeFile('/r/h', '333')
  await watched.settle()
})

describe('what is told of a folder', () => {
  it('is nothing while nothing happens', async () => {
    expect(watched.entries).toBe(5)
    expect(lines(await watched.settle())).toEqual([])
  })

  it('names what is new, with all below it', async () => {
    disk.writeFile('/r/n/m/x', '')
    expect(lines(await watched.settle(['n']))).toEqual(['created n', 'created n/m', 'created n/m/x'])
  })

  it('names what is gone, a folder after what was in it', async () => {
    disk.unlink('/r/a/b/f')
    disk.removeFolder('/r/a/b')
    expect(lines(await watched.settle(['a/b/f', 'a/b']))).toEqual(['deleted a/b/f', 'deleted a/b'])
  })

  it('names another content, and another mode', async () => {
    disk.writeFile('/r/h', '444')
    disk.setPathMode('/r/a', 0o700)
    expect(lines(await watched.settle(['h', 'a']))).toEqual(['modified a', 'modified h'])
  })

  it('is one modification when an editor saves by rename', async () => {
    disk.writeFile('/r/.h.tmp', 'new')
    disk.rename('/r/.h.tmp', '/r/h')
    expect(lines(await watched.settle(['.h.tmp', 'h']))).toEqual(['modified h'])
    disk.rename('/r/h', '/r/h~')
    disk.writeFile('/r/h', 'newer')
    expect(lines(await watched.settle(['h', 'h~']))).toEqual(['modified h', 'created h~'])
  })

  it('is one line for a file and for a folder that moved', async () => {
    disk.rename('/r/h', '/r/a/h')
    expect(lines(await watched.settle(['h', 'a/h']))).toEqual(['moved h -> a/h'])
    disk.rename('/r/a', '/r/z')
    expect(lines(await watched.settle(['a', 'z']))).toEqual(['moved a -> z'])
    expect(lines(await watched.settle())).toEqual([])
  })

  it('names what else happened to a folder that moved', async () => {
    disk.rename('/r/a', '/r/z')
    disk.writeFile('/r/z/g', 'other')
    disk.unlink('/r/z/b/f')
    disk.writeFile('/r/z/n', '')
    const expected = ['moved a -> z', 'modified z/g', 'created z/n', 'deleted z/b/f']
    expect(lines(await watched.settle(['a', 'z']))).toEqual(expected)
  })

  it('knows a move whose ends are seen one after the other, in two looks', async () => {
    disk.rename('/r/a', '/r/z')
    expect(lines(await watched.look(['a']))).toEqual([])
    expect(lines(await watched.settle(['z']))).toEqual(['moved a -> z'])
  })

  it('knows a file that moved out of a folder that was then removed, into a new one', async () => {
    disk.makeFolders('/r/n')
    disk.rename('/r/a/b/f', '/r/n/f')
    disk.removeFolder('/r/a/b')
    const expected = ['created n', 'moved a/b/f -> n/f', 'deleted a/b']
    expect(lines(await watched.settle(['a/b', 'n']))).toEqual(expected)
  })

  it('says that a path was freed before something else is there', async () => {
    disk.unlink('/r/h')
    disk.makeFolders('/r/h')
    expect(lines(await watched.settle(['h']))).toEqual(['deleted h', 'created h'])
    disk.removeFolder('/r/h')
    disk.rename('/r/a', '/r/h')
    expect(lines(await watched.settle(['a', 'h']))).toEqual(['deleted h', 'moved a -> h'])
  })

  it('shows nothing of p2psync itself', async () => {
    disk.writeFile('/r/.p2psync/history/x', '1')
    disk.writeFile('/r/a/.p2psync/folder.json', '1')
    expect(lines(await watched.settle(['.p2psync/history/x', '.p2psync', 'a/.p2psync']))).toEqual([])
    expect(lines(await watched.settle())).toEqual([])
  })

  it('looks at the folder that holds a path which it does not know', async () => {
    disk.writeFile('/r/n/m/x', '')
    expect(lines(await watched.settle(['n/m/x']))).toEqual(['created n', 'created n/m', 'created n/m/x'])
  })

  it('follows no link', async () => {
    disk.makeLink('/r/l', 'a')
    expect(lines(await watched.settle(['l']))).toEqual(['created l'])
    expect(lines(await watched.settle(['l/g']))).toEqual([])
  })

  it('ends when the folder is gone, or is another one', async () => {
    disk.rename('/r', '/elsewhere')
    await expect(watched.settle([])).rejects.toMatchObject({ code: 'folder-missing' })
    disk.makeFolders('/r')
    await expect(watched.settle([])).rejects.toMatchObject({ code: 'folder-missing' })
  })
})

describe('what is told, taken together', () => {
  const aName = fc.constantFrom('a', 'b', 'c', 'd')
  const aPath = fc.array(aName, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'))
  const anAction = fc.oneof(
    fc.record({ type: fc.constant('write' as const), path: aPath, content: fc.constantFrom('1', '22', '333') }),
    fc.record({ type: fc.constant('folder' as const), path: aPath }),
    fc.record({ type: fc.constant('remove' as const), path: aPath }),
    fc.record({ type: fc.constant('move' as const), path: aPath, to: aPath }),
    fc.record({ type: fc.constant('look' as const) }),
  )
  type Action = typeof anAction extends fc.Arbitrary<infer Value> ? Value : never

  it('leads from what was there to what is there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anAction, { maxLength: 25 }), async (actions) => {
        const folder = new WatchedFolder()
        await folder.settle()
        const told = new Map<string, string>()
        for (const action of [...actions, { type: 'look' } as const]) {
          if (action.type === 'look') follow(told, await folder.settle())
          else act(folder.disk, action)
        }
        expect(Object.fromEntries(told)).toEqual(Object.fromEntries(tree(folder.disk)))
      }),
      { seed, numRuns: 1000 },
    )
  })

  function act(on: MemoryDisk, action: Exclude<Action, { type: 'look' }>): void {
    const path = `/r/${action.path}`
    try {
      if (action.type === 'write') on.writeFile(path, action.content)
      else if (action.type === 'folder') on.makeFolder(path)
      else if (action.type === 'move') on.rename(path, `/r/${action.to}`)
      else if (on.lstat(path)?.kind === 'folder') on.removeFolder(path)
      else on.unlink(path)
    } catch {
      // The disk does not do everything: then nothing has happened.
    }
  }

  function follow(told: Map<string, string>, changes: readonly EntryChange[]): void {
    for (const { event, path, from, node } of changes) {
      const what = `${node.disk.kind} ${node.disk.kind === 'file' ? node.disk.sizeBytes : ''}`
      if (event === 'created' && told.has(path)) throw new Error(`${path} is created where something is`)
      if (event === 'modified' && !told.has(path)) throw new Error(`${path} is modified where nothing is`)
      if (event === 'deleted' && !told.delete(path)) throw new Error(`${path} is deleted where nothing is`)
      if (event === 'created' || event === 'modified') told.set(path, what)
      if (event !== 'moved') continue
      const along = [...told].filter(([old]) => old === from || old.startsWith(`${from}/`))
      for (const [old] of along) told.delete(old)
      for (const [old, was] of along) told.set(path + old.slice(from.length), was)
    }
  }

  function tree(on: MemoryDisk, at = '/r'): [string, string][] {
    return on.readFolder(at).flatMap(({ name }): [string, string][] => {
      const path = `${at}/${name}`
      const state = on.lstat(path)
      if (state === null || state.kind === 'other') return []
      const own: [string, string] = [path.slice(3), `${state.kind} ${state.kind === 'file' ? state.sizeBytes : ''}`]
      return state.kind === 'folder' ? [own, ...tree(on, path)] : [own]
    })
  }
})

describe('two differences in a row', () => {
  const state = { kind: 'file', sizeBytes: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, mode: 0o644 } as const
  const entry = (path: string) => ({ path, node: newNode(path, null, state) })
  const paths = (difference: TreeDifference): string[][] =>
    [difference.gone, difference.fresh, difference.modified].map((some) => some.map(({ path }) => path))

  it('are one, without what came and went in between', () => {
    const first = { gone: [entry('g')], fresh: [entry('x'), entry('y')], modified: [entry('m'), entry('n')] }
    const second = { gone: [entry('x'), entry('m')], fresh: [entry('z')], modified: [entry('y'), entry('n')] }
    expect(paths(joinDifferences(first, second))).toEqual([['g', 'm'], ['y', 'z'], ['n']])
  })
})
