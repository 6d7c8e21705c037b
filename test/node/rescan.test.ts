import { describe, expect, it } from 'vitest'
import { Rescan } from '../../src/node/rescan.ts'
import { ManualClock } from '../twins/manual-clock.ts'

const minuteMs = 60_000

function setUp(intervalMs: number, fraction = 0.5) {
  const clock = new ManualClock()
  const end = new AbortController()
  const due: number[] = []
  const random = { bytes: (count: number) => new Uint8Array(count), fraction: () => fraction }
  const rescan = new Rescan({
    clock,
    random,
    signal: end.signal,
    intervalMs,
    onDue: async () => {
      due.push(clock.monotonic() / minuteMs)
    },
  })
  const done = rescan.run()
  const pass = async (minutes: number) => {
    for (let i = 0; i < minutes * 2; i++) {
      await clock.advance(minuteMs / 2)
      for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    }
  }
  const stop = () => {
    end.abort()
    return done
  }
  return { due, rescan, pass, stop }
}

describe('Rescan', () => {
  it('is due at its interval, a tenth sooner or later', async () => {
    for (const [fraction, minutes] of [
      [0, 27],
      [0.5, 30],
    ] as const) {
      const { due, pass, stop } = setUp(30 * minuteMs, fraction)
      await pass(65)
      expect(due).toEqual([minutes, 2 * minutes])
      await stop()
    }
  })

  it('is never due when it is told so', async () => {
    const { due, pass, stop } = setUp(0)
    await pass(3 * 24 * 60)
    expect(due).toEqual([])
    await stop()
  })

  it('is due each minute while watching does not work, whatever the interval', async () => {
    for (const intervalMs of [0, 30 * minuteMs]) {
      const { due, rescan, pass, stop } = setUp(intervalMs)
      await pass(1)
      rescan.setBlind(true)
      await pass(3)
      rescan.setBlind(false)
      await pass(10)
      expect(due).toEqual([2, 3, 4])
      await stop()
    }
  })
})
