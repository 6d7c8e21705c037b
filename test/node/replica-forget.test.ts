import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const dayMs = 24 * 60 * 60_000
/** How long devices are off at once: two days would be a leap of the clock. */
const offDays = 1.8

describe('a deletion', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
    for (const name of ['x', 'y', 'z']) a.write(name, name)
    await world.rest()
  })

  afterEach(() => world.stop())

  /** These devices are off most of the time, and on for a moment every other day. */
  async function pass(days: number, ...devices: WorldDevice[]): Promise<void> {
    for (let left = days; left > 0; left -= offDays) {
      for (const device of devices) await device.stop()
      await world.clock.pass(Math.min(left, offDays) * dayMs)
      for (const device of devices) await device.start()
      await world.settle(...devices)
      await world.clock.pass(6000)
    }
  }

  const tombstones = (...devices: WorldDevice[]): number[] =>
    devices.map(({ replica }) => replica.index.summary.tombstones)

  it('that all devices have seen is forgotten by all after a week, and nothing more is said of it', async () => {
    a.remove('x')
    await world.rest()
    await pass(6.5, a, b)
    expect(tombstones(a, b)).toEqual([1, 1])
    await pass(1.5, a, b)
    expect(tombstones(a, b)).toEqual([0, 0])
    await world.rest()
    const { framesSent } = world.network
    await world.clock.pass(60_000)
    expect([tombstones(a, b), world.network.framesSent - framesSent]).toEqual([[0, 0], 0])
    expect([...(await world.rest()).keys()]).toEqual(['y', 'z'])
  })

  it('is remembered while a device that is known has not seen it', async () => {
    const c = await world.add('gamma')
    await world.rest()
    await world.clock.pass(2000)
    await c.stop()
    a.remove('x')
    await world.rest([a, b])
    await pass(20, a, b)
    expect(tombstones(a, b)).toEqual([1, 1])
    await c.start()
    expect([...(await world.rest()).keys()]).toEqual(['y', 'z'])
  })

  it('is forgotten after 180 days though a device is away, whose file then comes back', async () => {
    const c = await world.add('gamma')
    await world.rest()
    await c.stop()
    a.remove('x')
    await world.rest([a, b])
    await pass(185, a, b)
    expect(tombstones(a, b)).toEqual([0, 0])
    await c.start()
    expect((await world.rest()).get('x')).toBe('file x')
    await pass(3, a, b, c)
    expect([...(await world.rest()).keys()]).toEqual(['x', 'y', 'z'])
  })

  it('that one device keeps for another comes back once to who has forgotten it, and then stays', async () => {
    world.network.partition(`12D3Koo${'3'.repeat(45)}` as typeof a.id, a.id)
    const c = await world.add('gamma')
    await world.rest([a, b, c])
    await world.clock.pass(2000)
    await c.stop()
    a.remove('x')
    await world.rest([a, b])
    await pass(10, a, b)
    await world.rest([a, b])
    expect(tombstones(a, b)).toEqual([1, 1])
    const seqs = [a.replica.index.seq, b.replica.index.seq]
    await pass(40, a, b)
    expect([tombstones(a, b), [a.replica.index.seq, b.replica.index.seq]]).toEqual([[1, 1], seqs])
  })

  it('leaves its content in history for the first day of a clock that has leapt by a year', async () => {
    a.remove('x')
    await world.rest()
    b.clockOffMs = 365 * dayMs
    await b.restart()
    await world.clock.pass(0.9 * dayMs)
    expect([...b.history().values()]).toContain('file x')
    // It is what all of them say the time is, then.
    await world.clock.pass(0.3 * dayMs)
    expect([...b.history().values()]).not.toContain('file x')
  })

  it('is not forgotten in the first day of a clock that has leapt by a year', async () => {
    a.remove('x')
    await pass(3, a, b)
    a.clockOffMs = 365 * dayMs
    await pass(0.9, a, b)
    expect(tombstones(a, b)).toEqual([1, 1])
    a.clockOffMs = 0
    await pass(0.9, a, b)
    expect(tombstones(a, b)).toEqual([1, 1])
  })

  it('does not come over a file that was put back where it was forgotten', async () => {
    a.remove('x')
    await world.rest()
    await world.clock.pass(2000)
    await b.stop()
    await pass(9, a)
    expect(tombstones(a)).toEqual([0])
    a.write('x', 'x')
    await world.settle(a)
    await b.start()
    expect((await world.rest()).get('x')).toBe('file x')
    await pass(5, a, b)
    expect((await world.rest()).get('x')).toBe('file x')
  })

  it('of a file that is back though nobody has seen it yet is left to the scan', async () => {
    a.remove('x')
    await world.rest()
    await pass(5, a, b)
    a.isDeaf = true
    a.write('x', 'again')
    await pass(4, a, b)
    expect((await world.rest()).get('x')).toBe('file again')
  })

  it('that was forgotten and is told again is no sign of a database that was put back', async () => {
    a.remove('x')
    await world.rest()
    await world.clock.pass(2000)
    await b.stop()
    await pass(9, a)
    const { epoch } = a.replica.index
    await b.start()
    await world.rest()
    expect(a.replica.index.epoch).toBe(epoch)
  })
})
