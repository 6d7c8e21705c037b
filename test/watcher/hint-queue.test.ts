import { setImmediate } from 'node:timers/promises'

import { describe, expect, it } from 'vitest'

import type { WatchHint } from '../../src/ports/folder-watcher.ts'
import { hintIntervalMs, hintPathsMax, HintQueue } from '../../src/watcher/hint-queue.ts'
import { ManualClock } from '../twins/manual-clock.ts'

function start(send?: (hint: WatchHint) => Promise<void>): { clock: ManualClock; queue: HintQueue; sent: WatchHint[] } {
  const clock = new ManualClock()
  const sent: WatchHint[] = []
  const queue = new HintQueue({
    clock,
    send: (hint) => {
      sent.push(hint)
      return send?.(hint)
    },
  })
  return { clock, queue, sent }
}

describe('HintQueue', () => {
  it('sends the first path without waiting', async () => {
    const { queue, sent } = start()
    queue.add('a')
    await setImmediate()
    expect(sent).toEqual([{ type: 'paths', paths: ['a'] }])
  })

  it('gathers what follows, each path once', async () => {
    const { clock, queue, sent } = start()
    queue.add('a')
    await setImmediate()
    for (const path of ['b', 'c', 'b']) queue.add(path)
    await clock.advance(hintIntervalMs - 1)
    expect(sent.length).toBe(1)
    await clock.advance(1)
    expect(sent[1]).toEqual({ type: 'paths', paths: ['b', 'c'] })
    await clock.advance(10 * hintIntervalMs)
    expect(sent.length).toBe(2)
  })

  it('is at once again after a pause', async () => {
    const { clock, queue, sent } = start()
    queue.add('a')
    await clock.advance(2 * hintIntervalMs)
    queue.add('a')
    await setImmediate()
    expect(sent.length).toBe(2)
  })

  it('waits until the last hint was taken', async () => {
    let take = (): void => undefined
    const { clock, queue, sent } = start(() => new Promise((resolve) => (take = resolve)))
    queue.add('a')
    await setImmediate()
    queue.add('b')
    await clock.advance(10 * hintIntervalMs)
    expect(sent.length).toBe(1)
    take()
    await clock.advance(hintIntervalMs)
    expect(sent.length).toBe(2)
  })

  it('holds a bounded number of paths and says overflow instead of more', async () => {
    const { clock, queue, sent } = start()
    for (let i = 0; i <= hintPathsMax; i++) queue.add(String(i))
    queue.add('more')
    await clock.advance(hintIntervalMs)
    expect(sent).toEqual([{ type: 'overflow' }])
    queue.add('later')
    await setImmediate()
    expect(sent[1]).toEqual({ type: 'paths', paths: ['later'] })
  })

  it('sends failures before paths', async () => {
    const { clock, queue, sent } = start()
    queue.add('a')
    queue.addFailure('why', 'what to do')
    await clock.advance(hintIntervalMs)
    expect(sent.map(({ type }) => type)).toEqual(['failed', 'paths'])
  })

  it('sends nothing after it was stopped', async () => {
    const { clock, queue, sent } = start()
    queue.add('a')
    const stopped = queue.stop()
    queue.add('b')
    await clock.advance(hintIntervalMs)
    await stopped
    expect(sent).toEqual([])
  })
})
