import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { DeviceId } from '../../src/model/device-id.ts'
import { firstAnswer } from '../../src/node/first-answer.ts'
import { ManualClock } from '../twins/manual-clock.ts'

const [ann, bob] = ['ann', 'bob'] as unknown as [DeviceId, DeviceId]

describe('the first answer', () => {
  it('comes from the first device when it answers', async () => {
    const asked: DeviceId[] = []
    const ask = (device: DeviceId) => {
      asked.push(device)
      return Promise.resolve(device)
    }
    expect(await firstAnswer([ann, bob], { ask, patienceMs: 100, clock: new ManualClock() })).toBe(ann)
    expect(asked).toEqual([ann])
  })

  it('comes from the next one when the first fails, or is silent for too long', async () => {
    const clock = new ManualClock()
    const failing = (device: DeviceId) => (device === ann ? Promise.reject(new Error('no')) : Promise.resolve(device))
    expect(await firstAnswer([ann, bob], { ask: failing, patienceMs: 100, clock })).toBe(bob)
    const silent = (device: DeviceId) =>
      device === ann ? new Promise<DeviceId>(() => undefined) : Promise.resolve(device)
    const answer = firstAnswer([ann, bob], { ask: silent, patienceMs: 100, clock })
    await nextTurn()
    await clock.advance(100)
    expect(await answer).toBe(bob)
  })

  it('is still taken from a late device when the next one fails', async () => {
    const clock = new ManualClock()
    const late = Promise.withResolvers<DeviceId>()
    const ask = (device: DeviceId) => (device === ann ? late.promise : Promise.reject(new Error('no')))
    const answer = firstAnswer([ann, bob], { ask, patienceMs: 100, clock })
    await nextTurn()
    await clock.advance(100)
    late.resolve(ann)
    expect(await answer).toBe(ann)
  })

  it('fails with the last failure, or when there is nobody to ask', async () => {
    const options = { patienceMs: 100, clock: new ManualClock() }
    const ask = (device: DeviceId) => Promise.reject(new Error(`${device} has nothing`))
    await expect(firstAnswer([ann, bob], { ...options, ask })).rejects.toThrow('bob has nothing')
    await expect(firstAnswer([], { ...options, ask })).rejects.toMatchObject({ code: 'peer-gone' })
  })
})
