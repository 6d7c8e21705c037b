import { beforeEach, describe, expect, it } from 'vitest'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { DirtyPaths, type DirtyBatch } from '../../src/node/dirty-paths.ts'
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

  it('come out once, together with what follows soon', async () => {
    const batch = dirty.take()
    dirty.addSpelled('a')
    await clock.advance(10)
    dirty.addSpelled('b')
    dirty.addSpelled('a')
    await clock.advance(100)
    expect(await batch).toEqual({ type: 'paths', paths: ['a', 'b'] })
    expect(dirty.isEmpty).toBe(true)
  })

  it('are handed out in parts while a burst does not end', async () => {
    let batch: DirtyBatch | null = null
    void dirty.take().then((taken) => (batch = taken))
    for (let i = 0; i < 50; i++) {
      dirty.addSpelled(`f${i}`)
      await clock.advance(10)
    }
    expect(batch).not.toBeNull()
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
    await clock.advance(1)
    expect(dirty.isEmpty).toBe(false)
  })

  it('end with the signal', async () => {
    const batch = dirty.take()
    stop.abort()
    expect(await batch).toBeNull()
  })
})
