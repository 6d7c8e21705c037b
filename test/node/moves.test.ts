import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inodesOf, watchMoves } from './move-watch.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

describe('what moves while both devices run', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
    // Files of whole seconds are not recognised as moved.
    await world.clock.pass(1230)
  })

  afterEach(() => world.stop())

  it('is renamed as a whole on the other side, where nothing is read, made or asked for', async () => {
    for (let i = 0; i < 20; i++) a.write(`d/${i % 3}/${i}`, `text ${i}`)
    a.link('d/link', '0/0')
    a.makeFolder('d/empty')
    await restAndAge()
    const before = inodesOf(b, 'd')
    const [mine, theirs] = [watchMoves(a), watchMoves(b)]
    const { framesSent, bytesSent } = world.network
    a.rename('d', 'moved')
    const tree = await world.rest()
    expect([tree.size, tree.has('d'), tree.get('moved/1/4')]).toEqual([26, false, 'file text 4'])
    expect(inodesOf(b, 'moved')).toEqual(before)
    expect(theirs).toEqual({ reads: [], renames: ['moved'], told: ['d > moved'], taken: ['d > moved'] })
    expect([mine.reads, mine.told]).toEqual([[], []])
    expect(world.network.framesSent - framesSent).toBeLessThan(10)
    expect(world.network.bytesSent - bytesSent).toBeLessThan(1000)
  })

  it('leaves a symlink behind that would lead out of the synced folder: nobody could be given it', async () => {
    for (let i = 0; i < 5; i++) a.write(`d/e/f/${i}`, `text ${i}`)
    a.link('d/e/f/inside', '0')
    a.link('d/e/f/outside', '../../../other')
    await restAndAge()
    const inodes = Object.entries(inodesOf(b, 'd/e/f')).filter(([path]) => /[0-4]$/.test(path))
    a.rename('d/e', 'e')
    await world.settle(a, b)
    const late = await world.add('gamma')
    await world.settle(a, b, late)
    expect(late.tree().get('e/f/inside')).toBe('symlink 0')
    expect([b.tree(), b.tree().has('e/f/outside')]).toEqual([late.tree(), false])
    expect(inodes.length).toBe(5)
    expect(inodesOf(b, 'e/f')).toMatchObject(Object.fromEntries(inodes))
    expect(a.tree().get('e/f/outside')).toBe('symlink ../../../other')
    expect(a.replica.view.status().problems.map(({ path }) => path)).toEqual(['e/f/outside'])
  })

  it('takes along what is not synced, and tells of it at its new place only', async () => {
    fill('d')
    await world.rest()
    b.makeOther('d/fifo')
    await world.clock.pass(1000)
    a.rename('d', 'moved')
    await world.clock.run(() => b.tree().has('moved/fifo'), 60_000)
    await world.clock.pass(60_000)
    expect([...b.tree().keys()].filter((path) => !path.startsWith('moved'))).toEqual([])
    expect(b.replica.view.status().problems.map(({ path }) => path)).toEqual(['moved/fifo'])
  })

  it('is a single file: it is not read on either side, and keeps its inode', async () => {
    a.write('from/file', 'text')
    a.makeFolder('to')
    await restAndAge()
    const before = inodesOf(b, 'from/file')
    const [mine, theirs] = [watchMoves(a), watchMoves(b)]
    a.rename('from/file', 'to/other name')
    expect([...(await world.rest()).keys()]).toEqual(['from', 'to', 'to/other name'])
    expect(inodesOf(b, 'to/other name')).toEqual(before)
    expect([mine.reads, theirs.reads, theirs.renames]).toEqual([[], [], ['to/other name']])
  })

  it('is read where its time is one that many files may have', async () => {
    a.write('file', 'text', { mtimeMs: Date.UTC(2020, 1, 2) })
    await restAndAge()
    const watch = watchMoves(a)
    a.rename('file', 'other')
    expect([...(await world.rest()).keys()]).toEqual(['other'])
    expect(watch.reads).toContain('other')
  })

  it('is told by its content where many files have the same, or none', async () => {
    for (let i = 0; i < 8; i++) a.write(`one/${i}`, i < 4 ? '' : 'all alike')
    await restAndAge()
    for (let i = 0; i < 8; i++) a.rename(`one/${i}`, `two/${7 - i}`)
    const tree = await world.rest()
    expect([...tree.keys()].filter((path) => path.startsWith('one/'))).toEqual([])
    expect(Array.from({ length: 8 }, (_, i) => tree.get(`two/${i}`))).toEqual([
      ...Array.from({ length: 4 }, () => 'file all alike'),
      ...Array.from({ length: 4 }, () => 'file '),
    ])
  })

  it('is found in the folder whose place another folder has taken', async () => {
    fill('d')
    fill('e')
    await restAndAge()
    const [d, e] = [inodesOf(a, 'd'), inodesOf(a, 'e')]
    a.rename('d', 'x')
    a.rename('e', 'd')
    a.rename('x', 'e')
    const tree = await world.rest()
    expect([tree.get('d/0'), tree.get('e/0')]).toEqual(['file e 0', 'file d 0'])
    expect([inodesOf(a, 'e'), inodesOf(a, 'd')]).toEqual([d, e])
  })

  it('is moved as often as it moves', async () => {
    fill('d')
    await restAndAge()
    const before = inodesOf(b, 'd')
    const watch = watchMoves(b)
    for (let i = 0; i < 6; i++) {
      a.rename(i % 2 === 0 ? 'd' : 'e', i % 2 === 0 ? 'e' : 'd')
      await world.rest()
    }
    expect(inodesOf(b, 'd')).toEqual(before)
    expect([watch.reads, watch.renames, watch.taken.length]).toEqual([[], ['e', 'd', 'e', 'd', 'e', 'd'], 6])
    for (let i = 0; i < 6; i++) a.rename(i % 2 === 0 ? 'd' : 'e', i % 2 === 0 ? 'e' : 'd')
    expect((await world.rest()).get('d/0')).toBe('file d 0')
  })

  it.each(batches)('is a folder %s, at once', async (_, change, moves, paths) => {
    for (const folder of ['a', 'a/x', 'c']) fill(folder)
    await restAndAge()
    const [mine, theirs] = [watchMoves(a), watchMoves(b)]
    change(a)
    const tree = await world.rest()
    expect([...tree.keys()]).toEqual(paths)
    expect([mine.reads, theirs.reads, theirs.taken]).toEqual([[], [], moves])
  })

  it.each(batches)('is a folder %s, before a scan finds it', async (_, change, moves, paths) => {
    for (const folder of ['a', 'a/x', 'c']) fill(folder)
    await restAndAge()
    await a.stop()
    change(a)
    const [mine, theirs] = [watchMoves(a), watchMoves(b)]
    await a.start()
    const tree = await world.rest()
    expect([...tree.keys()]).toEqual(paths)
    expect([mine.reads, theirs.reads, theirs.taken]).toEqual([[], [], moves])
  })

  it('is a folder that is found in a new one before its hint comes', async () => {
    fill('d')
    await restAndAge()
    const [mine, theirs] = [watchMoves(a), watchMoves(b)]
    a.isDeaf = true
    a.rename('d', 'new/d')
    a.isDeaf = false
    a.hint('new')
    await world.clock.pass(40)
    a.hint('d')
    const tree = await world.rest()
    expect([...tree.keys()]).toEqual(['new', 'new/d', 'new/d/0', 'new/d/1', 'new/d/2'])
    expect([mine.reads, theirs.taken]).toEqual([[], ['d > new/d']])
  })

  it('is a file that is edited at its new place while more hints are waited for', async () => {
    fill('d')
    await restAndAge()
    a.isDeaf = true
    a.rename('d/0', 'new/0')
    // Else it was made a moment ago, and no hint is waited for.
    await world.clock.pass(2000)
    a.isDeaf = false
    a.hint('new')
    a.hint('d/0')
    await world.clock.pass(10)
    a.write('new/0', 'edited')
    const tree = await world.rest()
    expect([tree.get('new/0'), tree.has('d/0')]).toEqual(['file edited', false])
  })

  it('is a folder in which files are edited, made and deleted at once', async () => {
    fill('d', 6)
    await restAndAge()
    const before = inodesOf(b, 'd')
    a.rename('d', 'e')
    a.write('e/0', 'edited')
    a.write('e/new', 'new')
    a.remove('e/1')
    const watch = watchMoves(b)
    const tree = await world.rest()
    expect(Object.fromEntries(tree)).toEqual({
      e: 'folder ',
      'e/0': 'file edited',
      ...Object.fromEntries([2, 3, 4, 5].map((i) => [`e/${i}`, `file d ${i}`])),
      'e/new': 'file new',
    })
    expect(watch.taken).toEqual(['d > e'])
    expect(inodesOf(b, 'e')['5']).toBe(before['5'])
  })

  it('is no folder that was made anew and got the number of one that is gone', async () => {
    fill('d')
    await restAndAge()
    const inode = inodesOf(a, 'd')['']!
    const lstat = a.disk.lstat.bind(a.disk)
    a.disk.lstat = (path) => {
      const entry = lstat(path)
      return path === '/home/folder/e' && entry?.kind === 'folder' ? { ...entry, inode } : entry
    }
    a.remove('d')
    for (let i = 0; i < 3; i++) a.write(`e/${i}`, `E ${i}`)
    const watch = watchMoves(b)
    const tree = await world.rest()
    expect([tree.get('e/0'), tree.has('d'), watch.told]).toEqual(['file E 0', false, []])
  })

  it('keeps its blocks, so that a device which joins later gets a large file', async () => {
    const text = Array.from({ length: 40_000 }, (_, i) => `line ${i} ${(i * 2654435761) % 4294967296}\n`).join('')
    a.write('z/large', text)
    await restAndAge()
    const watch = watchMoves(a)
    a.rename('z', 'd')
    await world.rest()
    a.rename('d/large', 'other')
    await world.rest()
    expect(watch.reads).toEqual([])
    await world.add('gamma')
    expect((await world.rest()).get('other')).toBe(`file ${text}`)
  })

  function fill(folder: string, files = 3): void {
    for (let i = 0; i < files; i++) a.write(`${folder}/${i}`, `${folder} ${i}`)
  }

  /** What has just been written is looked at once more. */
  async function restAndAge(): Promise<void> {
    await world.rest([a, b])
    await world.clock.pass(1000)
  }
})

function below(folder: string): string[] {
  return [folder, ...[0, 1, 2].map((i) => `${folder}/${i}`)]
}

/** Moves of a folder, as its user makes them, as a peer takes them, and what is there in the end. */
const batches: readonly (readonly [string, (a: WorldDevice) => void, string[], string[]])[] = [
  [
    'and another one into it',
    (a) => (a.rename('a', 'b'), a.rename('c', 'b/c')),
    ['a > b', 'c > b/c'],
    ['b', 'b/0', 'b/1', 'b/2', 'b/c', 'b/c/0', 'b/c/1', 'b/c/2', 'b/x', 'b/x/0', 'b/x/1', 'b/x/2'],
  ],
  [
    'after one that was in it',
    (a) => (a.rename('a/x', 'y'), a.rename('a', 'b')),
    ['a/x > y', 'a > b'],
    ['b', 'b/0', 'b/1', 'b/2', 'c', 'c/0', 'c/1', 'c/2', 'y', 'y/0', 'y/1', 'y/2'],
  ],
  [
    'before one that was in it moves deeper',
    (a) => (a.rename('a', 'b'), a.rename('b/x', 'b/y/x')),
    ['a > b', 'b/x > b/y/x'],
    ['b', 'b/0', 'b/1', 'b/2', 'b/y', 'b/y/x', 'b/y/x/0', 'b/y/x/1', 'b/y/x/2', 'c', 'c/0', 'c/1', 'c/2'],
  ],
  [
    'into a new folder',
    (a) => a.rename('c', 'new/er/c'),
    ['c > new/er/c'],
    [...below('a'), ...below('a/x'), 'new', 'new/er', 'new/er/c', 'new/er/c/0', 'new/er/c/1', 'new/er/c/2'],
  ],
  [
    'to a name of another case',
    (a) => a.rename('c', 'C'),
    ['c > C'],
    ['C', 'C/0', 'C/1', 'C/2', ...below('a'), ...below('a/x')],
  ],
]
