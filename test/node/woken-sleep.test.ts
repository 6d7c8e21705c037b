import { beforeEach, describe, expect, it } from 'vitest'
import { WokenSleep } from '../../src/node/woken-sleep.ts'
import { ManualClock } from '../twins/manual-clock.ts'

describe('a sleep that others can end', () => {
  let clock: ManualClock
  let sleep: WokenSleep
  let stopping: AbortController
  let ended: boolean

  beforeEach(() => {
    clock = new ManualClock()
    sleep = new WokenSleep(clock)
    stopping = new AbortController()
    ended = false
  })

  function begin(): Promise<void> {
    return sleep.sleep(1000, stopping.signal).then(() => {
      ended = true
    })
  }

  it('ends at its time', async () => {
    const done = begin()
    await clock.advance(999)
    expect(ended).toBe(false)
    await clock.advance(1)
    await done
    expect(ended).toBe(true)
  })

  it('ends at once when it is woken, or was before it began, and sleeps again after that', async () => {
    const first = begin()
    sleep.wake()
    await first
    sleep.wake()
    await begin()
    ended = false
    const third = begin()
    await clock.advance(500)
    expect(ended).toBe(false)
    await clock.advance(500)
    await third
  })

  it('throws once the signal is aborted', async () => {
    const done = begin()
    stopping.abort(new Error('over'))
    await expect(done).rejects.toThrow('over')
    await expect(begin()).rejects.toThrow('over')
  })
})
