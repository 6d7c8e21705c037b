import { afterEach, describe, expect, it } from 'vitest'
import { defaultGuard } from '../../src/model/guard-limits.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

describe('what the change guard takes together', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  afterEach(() => world.stop())

  /** Both have `count` files; beta holds more than half of them, or more than `files`. */
  async function share(count: number, files?: number): Promise<void> {
    world = new ReplicaWorld()
    const guardLimits = files === undefined ? defaultGuard : { sharePercent: 100, files }
    a = await world.add('alpha', { removedRowsMin: 4, guardLimits: null })
    b = await world.add('beta', { removedRowsMin: 4, guardLimits })
    for (let i = 0; i < count; i++) a.write(`d/${i % 3}/${i}`, `text ${i}`)
    await world.rest()
    await world.clock.pass(1000)
  }
  const filesOf = (device: WorldDevice): number =>
    [...device.tree().values()].filter((what) => what.startsWith('file')).length
  const heldOf = (device: WorldDevice): number => device.replica.view.status().held[0]?.files ?? 0
  async function untilHeld(device: WorldDevice): Promise<void> {
    await world.clock.run(() => heldOf(device) > 0, 60_000)
    await world.clock.pass(10_000)
  }

  it('is all that a device tells at once, though it is more than one job takes', async () => {
    await share(405, 400)
    for (let i = 0; i < 405; i++) a.remove(`d/${i % 3}/${i}`)
    await untilHeld(b)
    expect([filesOf(b), heldOf(b)]).toEqual([405, 405])
  })

  it('are folders too that are told to be gone one after the other', async () => {
    await share(60)
    a.remove('d/0')
    await world.rest()
    await world.clock.pass(1000)
    a.remove('d/1')
    await untilHeld(b)
    expect([filesOf(a), filesOf(b)]).toEqual([20, 40])
  })

  it.each<[string, (path: string) => void]>([
    ['removes', (path) => b.remove(path)],
    ['rewrites', (path) => b.write(path, `encrypted ${path}`)],
  ])('is nearly all that a program %s file by file, with pauses', async (_, change) => {
    await share(40)
    for (let i = 0; i < 36; i++) {
      change(`d/${i % 3}/${i}`)
      await world.clock.pass(40)
    }
    await untilHeld(b)
    // The first few might as well have been a person's.
    expect(heldOf(b)).toBeGreaterThanOrEqual(32)
    const kept = [...a.tree().values()].filter((what) => what.startsWith('file text'))
    expect(kept.length).toBe(4 + heldOf(b))
  })

  it('is all that a program removes file by file without pauses', async () => {
    await share(40)
    for (let i = 0; i < 36; i++) {
      b.remove(`d/${i % 3}/${i}`)
      await world.clock.pass(1)
    }
    await untilHeld(b)
    expect([heldOf(b), filesOf(a)]).toEqual([36, 40])
  })

  it('counts what was in a folder that is removed once, though its hints come late', async () => {
    await share(60, 21)
    b.remove('d/0')
    await world.clock.pass(100)
    for (const i of [0, 3, 6]) b.hint(`d/0/${i}`)
    await world.rest()
    expect([heldOf(b), filesOf(a)]).toEqual([0, 40])
  })

  it('counts a file once that is removed before its folder is', async () => {
    await share(60)
    for (let i = 0; i < 45; i++) b.remove(`d/${i % 3}/${i}`)
    await world.clock.pass(60)
    b.remove('d')
    await untilHeld(b)
    expect([heldOf(b), filesOf(a)]).toEqual([60, 60])
  })

  it('holds up nothing else after the disk was full for a moment', async () => {
    await share(60)
    a.remove('d')
    await untilHeld(b)
    expect(heldOf(b)).toBe(60)
    b.disk.capacityBytes = 0
    a.write('new', 'something else')
    await world.clock.pass(2000)
    b.disk.capacityBytes = 2 ** 40
    // As long as such a pause is; later other things wake it, too.
    await world.clock.pass(12_000)
    expect([b.tree().get('new'), heldOf(b)]).toEqual(['file something else', 60])
  })

  it('loses nothing that comes for longer than it is waited for', async () => {
    await share(200)
    b.remove('d/0')
    for (let i = 0; i < 60; i++) {
      b.makeFolder(`new ${i}`)
      if (i > 0 && i % 2 === 0) b.remove(`new ${i - 1}`)
      await world.clock.pass(40)
    }
    const tree = await world.rest()
    expect([...tree.keys()].filter((path) => path.startsWith('new')).length).toBe(31)
  })

  it('does not hold up a change of a few files', async () => {
    await share(400)
    for (let i = 0; i < 10; i++) b.remove(`d/${i % 3}/${i}`)
    const beganMs = world.clock.view().monotonic()
    await world.clock.run(() => filesOf(a) === 390, 60_000)
    expect(world.clock.view().monotonic() - beganMs).toBeLessThan(150)
  })

  it('are files that have become links', async () => {
    await share(60)
    b.isDeaf = true
    for (let i = 0; i < 60; i++) {
      b.remove(`d/${i % 3}/${i}`)
      b.link(`d/${i % 3}/${i}`, 'nowhere')
    }
    b.overflow()
    await untilHeld(b)
    expect([filesOf(a), heldOf(b)]).toEqual([60, 60])
  })
})
