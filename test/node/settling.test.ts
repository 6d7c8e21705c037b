import { beforeEach, describe, expect, it } from 'vitest'
import { hourMs, mebibyte, noPaths, pathsOf, SettlingWorld } from './settling-world.ts'

let world: SettlingWorld
beforeEach(() => {
  world = new SettlingWorld()
})

describe('a file', () => {
  it('that is new and small is taken at once', () => {
    const entry = world.written('a')
    expect(world.sort([entry])).toEqual({ changed: [entry], gone: [], waiting: [], together: noPaths })
    expect(world.settling.size).toBe(0)
  })

  it('that is saved now and then is taken at once each time', async () => {
    for (let i = 0; i < 100; i++) {
      const entry = world.written('a')
      expect(world.sort([entry]).changed).toEqual([entry])
      world.take(entry)
      await world.clock.advance(600)
    }
  })

  it('that is written all the time is taken a few times, then once in ten seconds', async () => {
    const takenAt: number[] = []
    for (let ms = 0; ms < 60_000; ms += 20) {
      const entry = world.written('log', { sizeBytes: ms })
      if (world.sort([entry]).changed.length > 0) {
        takenAt.push(ms)
        world.take(entry)
      }
      await world.clock.advance(20)
    }
    const later = takenAt.filter((ms) => ms > 1_000)
    expect(takenAt.length - later.length).toBeLessThanOrEqual(20)
    expect(later.length).toBeGreaterThanOrEqual(5)
    expect(Math.min(...later.slice(1).map((ms, i) => ms - later[i]!))).toBeGreaterThanOrEqual(10_000)
  })

  it('that was written all the time is taken a quarter of a second after the last write', async () => {
    let entry = world.written('log')
    for (let i = 0; i < 40; i++) {
      entry = world.written('log')
      if (world.sort([entry]).changed.length > 0) world.take(entry)
      await world.clock.advance(10)
    }
    await world.clock.advance(200)
    expect(pathsOf(world.sort([entry]).waiting)).toEqual(['log'])
    await world.clock.advance(50)
    expect(world.sort([entry])).toEqual({ changed: [entry], gone: [], waiting: [], together: noPaths })
  })

  it('that is large and grows waits for a fifth of the time that hashing takes', async () => {
    const entry = world.written('film', { sizeBytes: 1024 * mebibyte })
    const { waiting } = world.sort([entry])
    expect(waiting).toEqual([{ path: 'film', delayMs: 102.4, problem: null }])
    await world.clock.advance(50)
    const grown = world.written('film', { sizeBytes: 1100 * mebibyte })
    expect(world.sort([grown]).waiting).toHaveLength(1)
    await world.clock.advance(110)
    expect(world.sort([grown]).changed).toEqual([grown])
  })

  it('that is large and never rests is taken after a minute', async () => {
    let seconds = 0
    while (world.sort([world.written('film', { sizeBytes: 5000 * mebibyte })]).changed.length === 0) {
      await world.clock.advance(200)
      seconds += 0.2
    }
    expect(seconds).toBeCloseTo(60)
  })

  it('that was written before is taken at once, whatever its size', () => {
    const entries = Array.from({ length: 1000 }, (_, i) =>
      world.written(`f${i}`, { ageMs: 5_000 + i, sizeBytes: i * 100 * mebibyte }),
    )
    expect(world.sort(entries)).toEqual({ changed: entries, gone: [], waiting: [], together: noPaths })
    expect(world.settling.size).toBe(0)
  })

  it('that was only renamed is taken at once, so that it is seen with the place that it left', () => {
    const old = world.written('film', { ageMs: hourMs, sizeBytes: 5000 * mebibyte })
    const entry = { ...old, disk: { ...old.disk, ctimeNs: world.written('film').disk.ctimeNs } }
    expect(world.sort([entry], ['old name'])).toMatchObject({ changed: [entry], gone: ['old name'] })
  })

  it.each([
    ['an hour behind', hourMs],
    ['an hour ahead', -hourMs],
  ])('on a disk whose clock is %s is taken at once', (_, ageMs) => {
    const entry = world.written('film', { ageMs, sizeBytes: 5000 * mebibyte })
    expect(world.sort([entry]).changed).toEqual([entry])
  })

  it('on a disk whose clock is seconds ahead waits no longer than others', async () => {
    const entry = world.written('film', { ageMs: -5_000, sizeBytes: 1024 * mebibyte })
    expect(world.sort([entry]).waiting[0]?.delayMs).toBeCloseTo(102.4)
    await world.clock.advance(103)
    expect(world.sort([entry]).changed).toEqual([entry])
  })

  it('never keeps folders and links waiting', () => {
    const entries = [
      world.written('a', { kind: 'folder' }),
      world.written('b', { kind: 'symlink', sizeBytes: 2 ** 40 }),
    ]
    for (let i = 0; i < 50; i++) {
      expect(world.sort(entries).changed).toEqual(entries)
      world.take(...entries)
    }
  })

  it('is forgotten when it is gone, and when nobody asks for it any more', async () => {
    world.sort([world.written('a', { sizeBytes: 1024 * mebibyte }), world.written('b', { sizeBytes: 1024 * mebibyte })])
    expect(world.settling.size).toBe(2)
    expect(world.sort([], ['a']).gone).toEqual(['a'])
    expect(world.settling.size).toBe(1)
    expect(world.settling.isHolding).toBe(true)
    await world.clock.advance(75_000)
    expect(world.settling.isHolding).toBe(false)
    world.sort([])
    expect(world.settling.size).toBe(0)
  })
})

describe('a file that changes while it is read', () => {
  it('is read again after a while that doubles up to ten seconds', async () => {
    const delays: number[] = []
    for (let i = 0; i < 9; i++) {
      const entry = world.written('a')
      expect(pathsOf(world.sort([entry]).changed)).toEqual(['a'])
      const { delayMs } = world.settling.disturbed(entry)
      delays.push(Math.round(delayMs))
      await world.clock.advance(delayMs)
    }
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  })

  it('is not read before that while is over', async () => {
    const entry = world.written('a')
    world.settling.disturbed(entry)
    await world.clock.advance(60)
    expect(Math.round(world.sort([entry]).waiting[0]!.delayMs)).toBe(40)
  })

  it('is read a fifth of the time at most when it is large', () => {
    const entry = world.written('film', { sizeBytes: 8192 * mebibyte })
    const hashMs = 8192 / 2
    expect(world.settling.disturbed(entry).delayMs).toBe(100 + 4 * hashMs)
  })

  it('is said to be written all the time after the bound, until it was taken', async () => {
    const entry = world.written('a')
    expect(world.settling.disturbed(entry).problem).toBeNull()
    await world.clock.advance(10_000)
    world.sort([entry])
    expect(world.settling.disturbed(entry).problem).toMatch(/written all the time/)
    expect(world.sort([entry]).waiting[0]?.problem).toMatch(/written all the time/)
    world.take(entry)
    expect(world.settling.disturbed(entry).problem).toBeNull()
  })
})
