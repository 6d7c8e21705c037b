import { beforeEach, describe, expect, it } from 'vitest'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { hourMs, noPaths, pathsOf, SettlingWorld } from './settling-world.ts'

let world: SettlingWorld
beforeEach(() => {
  world = new SettlingWorld()
})

describe('a database', () => {
  const all = ['x', 'x-wal', 'x-shm', 'x-journal']

  it.each(['d/x-wal', 'd/x-shm', 'd/x-journal'])('is looked at as a whole when %s changes', (path) => {
    const others = all.map((name) => `d/${name}`).filter((other) => other !== path)
    expect(world.settling.companionsOf(parseRelativePath(path))).toEqual(others)
  })

  it.each(['x', 'd/-wal', '-wal', 'wal', 'x-wall'])('is no reason to look at more than %s', (path) => {
    expect(world.settling.companionsOf(parseRelativePath(path))).toEqual([])
  })

  it('waits until half a second has passed without a write, then comes out as a whole', async () => {
    const base = world.written('x', { ageMs: 400 })
    world.index.set('x', world.written('x', { ageMs: hourMs }).disk)
    const wal = world.written('x-wal')
    expect(world.sort([base, wal])).toEqual({
      changed: [],
      gone: [],
      waiting: [{ path: 'x', delayMs: 500, problem: null }],
      together: noPaths,
    })
    expect(world.settling.companionsOf(parseRelativePath('x'))).toEqual(all.slice(1))
    await world.clock.advance(300)
    const longer = world.written('x-wal', { sizeBytes: 5000 })
    expect(world.sort([base, longer]).changed).toEqual([])
    await world.clock.advance(499)
    expect(world.sort([base, longer]).changed).toEqual([])
    await world.clock.advance(1)
    expect(world.sort([base, longer])).toEqual({
      changed: [base, longer],
      gone: [],
      waiting: [],
      together: new Set(['x', 'x-wal']),
    })
  })

  it('waits when its log alone has changed', () => {
    world.index.set('x', world.written('x', { ageMs: hourMs }).disk)
    expect(pathsOf(world.sort([world.written('x-wal')]).waiting)).toEqual(['x'])
  })

  it('keeps the removal of its journal back until what the journal stood for can be taken', async () => {
    world.index.set('x-journal', world.written('x-journal').disk)
    const base = world.written('x')
    expect(world.sort([base], ['x-journal', 'other'])).toMatchObject({ changed: [], gone: ['other'] })
    await world.clock.advance(500)
    expect(world.sort([base], ['x-journal'])).toEqual({
      changed: [base],
      gone: ['x-journal'],
      waiting: [],
      together: new Set(['x', 'x-journal']),
    })
  })

  it('that is written all the time is taken after a minute as it is', async () => {
    let waitedMs = 0
    for (;;) {
      const { changed } = world.sort([world.written('x'), world.written('x-wal')])
      if (changed.length > 0) break
      await world.clock.advance(100)
      waitedMs += 100
    }
    expect(waitedMs).toBe(60_000)
  })

  it('that is at rest is taken at once', () => {
    const entries = all.map((path) => world.written(path, { ageMs: 1_000 }))
    expect(world.sort(entries)).toEqual({ changed: entries, gone: [], waiting: [], together: noPaths })
  })

  it('waits as a whole when one of its files changed while it was read', async () => {
    const entries = [world.written('x'), world.written('x-wal')]
    world.sort(entries)
    await world.clock.advance(500)
    expect(world.sort(entries).changed).toEqual(entries)
    expect(world.settling.disturbed(entries[1]!)).toMatchObject({ path: 'x' })
    expect(world.sort(entries).changed).toEqual([])
    await world.clock.advance(101)
    expect(world.sort(entries).changed).toEqual(entries)
  })

  it('is none when a name only looks like it: the file is taken at once', () => {
    const journal = world.written('my-journal')
    expect(world.sort([journal]).changed).toEqual([journal])
    const folder = world.written('my', { kind: 'folder' })
    expect(world.sort([folder, journal]).changed).toEqual([folder, journal])
    world.index.set('my', folder.disk)
    expect(world.sort([journal]).changed).toEqual([journal])
  })
})
