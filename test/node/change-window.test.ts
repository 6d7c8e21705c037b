import { beforeEach, describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { ChangeWindow } from '../../src/node/change-window.ts'
import { ManualClock } from '../twins/manual-clock.ts'

const minutes = 60_000

describe('what a folder has lost lately', () => {
  let clock: ManualClock
  let window: ChangeWindow
  beforeEach(() => {
    clock = new ManualClock()
    window = new ChangeWindow(clock)
  })

  const contentOf = (text: string) => hashBlock(Buffer.from(text))
  const lose = (path: string, text: string): void =>
    window.lose({ path: parseRelativePath(path), files: 1, content: contentOf(text) })
  const gain = (path: string, text: string): void => window.gain(parseRelativePath(path), contentOf(text))

  it('counts each path once, however often it is rewritten', () => {
    for (let i = 0; i < 5; i++) lose('a', `text ${i}`)
    lose('b', 'other')
    expect(window.files).toBe(2)
  })

  it('does not count what has moved, one for one, whichever is heard of first', () => {
    for (const path of ['a', 'b', 'c']) lose(path, 'alike')
    gain('new/a', 'alike')
    expect(window.files).toBe(2)
    gain('new/b', 'alike')
    gain('new/x', 'alone')
    lose('x', 'alone')
    expect(window.files).toBe(1)
  })

  it('counts what came and went again at one path', () => {
    gain('a', 'text')
    lose('a', 'text')
    expect(window.files).toBe(1)
  })

  it('counts a folder with all that was in it, which is not compared', () => {
    window.lose({ path: parseRelativePath('folder'), files: 30, content: '' })
    gain('a', 'text')
    expect(window.files).toBe(30)
  })

  it('forgets all of it after ten minutes, a loss and a gain each at its own time', async () => {
    lose('a', 'one')
    await clock.advance(6 * minutes)
    lose('b', 'two')
    gain('c', 'one')
    expect(window.files).toBe(1)
    await clock.advance(5 * minutes)
    expect([window.files, window.isEmpty]).toEqual([1, false])
    lose('d', 'one')
    expect(window.files).toBe(1)
    await clock.advance(5 * minutes)
    expect(window.files).toBe(1)
    await clock.advance(10 * minutes)
    expect([window.files, window.isEmpty]).toEqual([0, true])
  })

  it('begins anew when it is cleared', () => {
    for (let i = 0; i < 3; i++) lose(`f${i}`, `text ${i}`)
    window.clear()
    expect([window.files, window.isEmpty]).toEqual([0, true])
  })
})
