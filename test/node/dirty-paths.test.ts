import { beforeEach, describe, expect, it } from 'vitest'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { DirtyPaths, type DirtyBatch } from '../../src/node/dirty-paths.ts'
import type { Clock } from '../../src/ports/clock.ts'
import { ManualClock } from '../twins/manual-clock.ts'

describe('dirty paths', () => {
  let clock: ManualClock
  let stop: AbortController
  let dirty: DirtyPaths

  beforeEach(() => {
    clock = new ManualClock()
    stop = new AbortController()
    dirty = new DirtyPaths({ clock, signal: stop.signal })
  })

  /** Advances in steps of a millisecond until a batch is there. */
  async function taken(): Promise<{ batch: DirtyBatch | null; afterMs: number }> {
    const startedAt = clock.monotonic()
    const result: { batch?: DirtyBatch | null } = {}
    void dirty.take().then((next) => (result.batch = next))
    while (result.batch === undefined) await clock.advance(1)
    const { batch } = result
    return { batch, afterMs: clock.monotonic() - startedAt }
  }

  it('come out once, together with what follows within a moment', async () => {
    const batch = dirty.take()
    dirty.addSpelled('.notes.swp')
    await clock.advance(1)
    dirty.addSpelled('notes')
    dirty.addSpelled('.notes.swp')
    await clock.advance(100)
    expect(await batch).toEqual({ type: 'paths', paths: ['.notes.swp', 'notes'] })
    expect(dirty.isEmpty).toBe(true)
  })

  it('come out 3 ms after a lone hint', async () => {
    dirty.addSpelled('a')
    expect((await taken()).afterMs).toBe(3)
  })

  it('come out at once when they came while the engine was busy', async () => {
    dirty.addSpelled('a')
    await clock.advance(50)
    expect((await taken()).afterMs).toBeLessThanOrEqual(1)
  })

  it('come out soon each time when one file is saved after the other', async () => {
    const waits: number[] = []
    for (let i = 0; i < 200; i++) {
      dirty.addSpelled(`f${i}`)
      waits.push((await taken()).afterMs)
      await clock.advance(8)
    }
    expect(Math.max(...waits)).toBe(3)
  })

  it('never wait longer than 300 ms, however long a burst lasts', async () => {
    const hintedAt = new Map<string, number>()
    const waits: number[] = []
    const reader = (async () => {
      for (let batch = await dirty.take(); batch !== null; batch = await dirty.take()) {
        if (batch.type !== 'paths') throw new Error('a batch of everything')
        for (const path of batch.paths) waits.push(clock.monotonic() - hintedAt.get(path)!)
      }
    })()
    for (let i = 0; i < 2_000; i++) {
      for (let k = 0; k < 5; k++) {
        hintedAt.set(`f${i}-${k}`, clock.monotonic())
        dirty.addSpelled(`f${i}-${k}`)
      }
      await clock.advance(1)
    }
    await clock.advance(300)
    stop.abort()
    await reader
    expect(waits).toHaveLength(10_000)
    expect(Math.max(...waits)).toBeLessThanOrEqual(300)
  })

  it.each([
    ['at once', 1_000],
    ['within half a minute', 20],
    ['in a minute', 10],
  ])('come in few batches when 30,000 files are made %s', async (_, filesPerStep) => {
    const sizes: number[] = []
    const reader = (async () => {
      for (let batch = await dirty.take(); batch !== null; batch = await dirty.take()) {
        sizes.push(batch.type === 'paths' ? batch.paths.length : 0)
      }
    })()
    for (let i = 0; i < 30_000; i += filesPerStep) {
      for (let k = 0; k < filesPerStep; k++) dirty.addSpelled(`f${i + k}`)
      await clock.advance(20)
    }
    await clock.advance(300)
    stop.abort()
    await reader
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(30_000)
    expect(sizes.length).toBeLessThan(1_000)
  })

  it('come out soon again a few seconds after a burst', async () => {
    for (let i = 0; i < 10_000; i++) dirty.addSpelled(`f${i}`)
    await taken()
    dirty.addSpelled('during the burst')
    expect((await taken()).afterMs).toBe(75)
    await clock.advance(6_000)
    dirty.addSpelled('a save')
    expect((await taken()).afterMs).toBe(3)
  })

  it.each([
    ['d/e\u0301', { type: 'paths', paths: ['d'] }],
    ['.p2psync/x', { type: 'all' }],
    ['', { type: 'all' }],
  ])('take %j, which is no path of ours, for what holds it', async (spelled, expected) => {
    dirty.addSpelled(spelled)
    const batch = dirty.take()
    await clock.advance(100)
    expect(await batch).toEqual(expected)
  })

  it('become everything when they are too many', async () => {
    for (let i = 0; i <= 50_000; i++) dirty.add(parseRelativePath(`f${i}`))
    const batch = dirty.take()
    await clock.advance(100)
    expect(await batch).toEqual({ type: 'all' })
  })

  it('come later when they are to', async () => {
    dirty.addLater(parseRelativePath('a'), 1000)
    await clock.advance(999)
    expect(dirty.isEmpty).toBe(true)
    await clock.advance(9)
    expect(dirty.isEmpty).toBe(false)
    expect(await dirty.take()).toEqual({ type: 'paths', paths: ['a'] })
  })

  it('come later to whoever waits already, the soonest first and each once', async () => {
    const first = dirty.take()
    dirty.addLater(parseRelativePath('b'), 500)
    dirty.addLater(parseRelativePath('a'), 900)
    dirty.addLater(parseRelativePath('a'), 100)
    dirty.addLater(parseRelativePath('a'), 300)
    await clock.advance(110)
    expect(await first).toEqual({ type: 'paths', paths: ['a'] })
    const second = dirty.take()
    await clock.advance(1_000)
    expect(await second).toEqual({ type: 'paths', paths: ['b'] })
    expect(dirty.isEmpty).toBe(true)
  })

  it('come later by one timer, however many they are', async () => {
    let sleeps = 0
    const counting: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (milliseconds, signal) => {
        sleeps++
        return clock.sleep(milliseconds, signal)
      },
    }
    dirty = new DirtyPaths({ clock: counting, signal: stop.signal })
    for (let i = 0; i < 10_000; i++) dirty.addLater(parseRelativePath(`f${i}`), 48)
    const batch = dirty.take()
    await clock.advance(60)
    expect(await batch).toMatchObject({ type: 'paths', paths: { length: 10_000 } })
    expect(sleeps).toBe(1)
  })

  it('become everything, later, when too many are to come later', async () => {
    for (let i = 0; i <= 50_000; i++) dirty.addLater(parseRelativePath(`f${i}`), 48)
    const batch = dirty.take()
    await clock.advance(60)
    expect(await batch).toEqual({ type: 'all' })
    expect(dirty.isEmpty).toBe(true)
  })

  it('end with the signal', async () => {
    const batch = dirty.take()
    stop.abort()
    expect(await batch).toBeNull()
  })
})
