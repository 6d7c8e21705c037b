import { setImmediate as nextTurn } from 'node:timers/promises'

import { describe, expect, it } from 'vitest'

import type { WatchHint } from '../../src/ports/folder-watcher.ts'
import {
  failuresMax,
  hintIntervalMsMax,
  hintIntervalMsMin,
  hintPathsMax,
  HintQueue,
} from '../../src/watcher/hint-queue.ts'
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
    await turns()
    expect(sent).toEqual([{ type: 'paths', paths: ['a'] }])
  })

  it('waits two turns for the other end of a rename', async () => {
    const { queue, sent } = start()
    queue.add('old')
    await nextTurn()
    queue.add('new')
    await turns()
    expect(sent).toEqual([{ type: 'paths', paths: ['old', 'new'] }])
  })

  it('gathers what follows, each path once', async () => {
    const { clock, queue, sent } = start()
    queue.add('a')
    await turns()
    for (const path of ['b', 'c', 'b']) queue.add(path)
    await pass(clock, hintIntervalMsMin - 1)
    await turns()
    expect(sent.length).toBe(1)
    await pass(clock, 1)
    await turns()
    expect(sent[1]).toEqual({ type: 'paths', paths: ['b', 'c'] })
    await pass(clock, 10 * hintIntervalMsMax)
    expect(sent.length).toBe(2)
  })

  it('sends ever larger batches while a burst goes on, at last one each 20 ms', async () => {
    const { clock, queue, sent } = start()
    const sentMs: number[] = []
    for (let ms = 0; ms <= 100; ms++) {
      queue.add(String(ms))
      await turns()
      while (sentMs.length < sent.length) sentMs.push(ms)
      await pass(clock, 1)
    }
    expect(sentMs).toEqual([0, 2, 6, 14, 30, 50, 70, 90])
    expect(sent.flatMap((hint) => (hint.type === 'paths' ? hint.paths : [])).length).toBe(90)
  })

  it('is at once again after a pause', async () => {
    const { clock, queue, sent } = start()
    queue.add('a')
    await pass(clock, 2 * hintIntervalMsMax)
    queue.add('a')
    await turns()
    expect(sent.length).toBe(2)
  })

  it('waits until the last hint was taken', async () => {
    let take = (): void => undefined
    const { clock, queue, sent } = start(() => new Promise((resolve) => (take = resolve)))
    queue.add('a')
    await turns()
    queue.add('b')
    await pass(clock, 10 * hintIntervalMsMax)
    expect(sent.length).toBe(1)
    take()
    await pass(clock, hintIntervalMsMax)
    expect(sent.length).toBe(2)
  })

  it('holds a bounded number of paths and says overflow instead of more', async () => {
    const { clock, queue, sent } = start()
    for (let i = 0; i <= hintPathsMax; i++) queue.add(String(i))
    queue.add('more')
    await pass(clock, hintIntervalMsMax)
    expect(sent).toEqual([{ type: 'overflow' }])
    queue.add('later')
    await turns()
    expect(sent[1]).toEqual({ type: 'paths', paths: ['later'] })
  })

  it('sends failures before paths', async () => {
    const { clock, queue, sent } = start()
    queue.add('a')
    queue.addFailure({ reason: 'why', hint: 'what to do' })
    await pass(clock, hintIntervalMsMax)
    expect(sent.map(({ type }) => type)).toEqual(['failed', 'paths'])
  })

  it('says each failure once, and a bounded number of them', async () => {
    const { clock, queue, sent } = start()
    for (const reason of ['a', 'b', 'a']) queue.addFailure({ reason, hint: '' })
    await pass(clock, 10 * hintIntervalMsMax)
    expect(sent.map((hint) => (hint.type === 'failed' ? hint.reason : ''))).toEqual(['a', 'b'])
    for (let i = 0; i < 2 * failuresMax; i++) queue.addFailure({ reason: String(i), hint: '' })
    await pass(clock, failuresMax * hintIntervalMsMax)
    expect(sent.length).toBe(failuresMax)
  })

  it('sends nothing after it was stopped', async () => {
    const { clock, queue, sent } = start()
    queue.add('a')
    const stopped = queue.stop()
    queue.add('b')
    await pass(clock, hintIntervalMsMax)
    await stopped
    expect(sent).toEqual([])
  })
})

async function turns(): Promise<void> {
  for (let i = 0; i < 4; i++) await nextTurn()
}

/** Lets the queue have its turns of the loop before, within, and after so many milliseconds. */
async function pass(clock: ManualClock, milliseconds: number): Promise<void> {
  await turns()
  for (let at = 0; at < milliseconds; at++) {
    await clock.advance(1)
    await turns()
  }
}
