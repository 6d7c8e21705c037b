import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HeldChanges } from '../../src/model/guard-limits.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const count = 60
const minutes = 60_000

describe('the change guard', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha', { removedRowsMin: 4, guardLimits: null })
    b = await world.add('beta', { removedRowsMin: 4 })
    await world.clock.pass(1230)
    for (let i = 0; i < count; i++) a.write(`d/${i % 3}/${i}`, `text ${i}`)
    await world.rest()
    await world.clock.pass(1000)
  })

  afterEach(() => world.stop())

  const heldOf = ({ replica }: WorldDevice): readonly HeldChanges[] => replica.view.status().held
  const stateOf = ({ replica }: WorldDevice): string => replica.view.status().state
  const statusOf = ({ name, replica }: WorldDevice): string => JSON.stringify([name, replica.view.status()])
  const until = async (isSo: () => boolean): Promise<void> => {
    if (!(await world.clock.run(isSo, 10 * minutes))) throw new Error(world.devices.map(statusOf).join('\n'))
  }
  const untilHeld = async (device: WorldDevice): Promise<void> => {
    await until(() => heldOf(device).length > 0)
    await world.clock.pass(10_000)
  }
  const filesOf = (device: WorldDevice): string[] =>
    Array.from(device.tree()).flatMap(([path, what]) => (what.startsWith('file') ? [`${path} ${what}`] : []))
  const encryptAll = (device: WorldDevice): void => {
    for (let i = 0; i < count; i++) device.write(`d/${i % 3}/${i}`, `encrypted ${i}`)
  }

  describe('of what this disk has lost', () => {
    it('publishes nothing of a removal of most files, and lets edits elsewhere go on', async () => {
      b.remove('d')
      await untilHeld(b)
      expect(heldOf(b)).toMatchObject([{ direction: 'outgoing', files: count, device: 'beta', restoring: false }])
      expect([filesOf(a).length, stateOf(b)]).toEqual([count, 'held'])
      a.write('new at alpha', '1')
      b.write('new at beta', '2')
      await until(() => a.tree().has('new at beta') && b.tree().has('new at alpha'))
      expect([filesOf(a).length, heldOf(b).length]).toEqual([count + 2, 1])
    })

    it('goes on holding after a kill, and after a look at everything', async () => {
      b.remove('d')
      await untilHeld(b)
      b.killAfter(1)
      b.overflow()
      await until(() => b.isDead)
      await b.restart()
      await world.clock.pass(60_000)
      expect([heldOf(b)[0]?.files, filesOf(a).length]).toEqual([count, count])
    })

    it('publishes exactly what waits once it is approved; what comes on top counts anew', async () => {
      for (let i = 0; i < 50; i++) a.write(`e/${i}`, `more ${i}`)
      await world.rest()
      b.remove('d')
      await untilHeld(b)
      await b.replica.guard.approve()
      await until(() => filesOf(a).length === 50)
      await world.rest()
      b.remove('e')
      await untilHeld(b)
      expect([heldOf(b)[0]?.files, filesOf(a).length]).toEqual([50, 50])
    })

    it('brings the files back from other devices when it is rejected', async () => {
      const before = filesOf(a)
      b.remove('d')
      await untilHeld(b)
      await b.replica.guard.reject()
      await until(() => heldOf(b).length === 0)
      await world.rest()
      expect([filesOf(a), filesOf(b)]).toEqual([before, before])
    })

    it('has nothing to bring back of what another device has moved meanwhile, and takes it where it is now', async () => {
      world.network.partition(a.id, b.id)
      b.remove('d')
      a.rename('d', 'moved')
      await untilHeld(b)
      world.network.heal()
      await world.clock.pass(10_000)
      await b.replica.guard.reject()
      const tree = await world.rest()
      expect([tree.has('d'), tree.get('moved/0/0'), heldOf(b)]).toEqual([false, 'file text 0', []])
    })

    it('is never taken for what it was when another device has moved it meanwhile', async () => {
      world.network.partition(a.id, b.id)
      encryptAll(b)
      for (let i = 0; i < count; i++) a.rename(`d/${i % 3}/${i}`, `d/${i % 3}/moved ${i}`)
      await untilHeld(b)
      await b.replica.guard.reject()
      world.network.heal()
      await until(() => heldOf(b).length === 0)
      const tree = await world.rest()
      expect([tree.get('d/0/moved 0'), [...tree.values()].some((what) => what.includes('encrypted'))]).toEqual([
        'file text 0',
        false,
      ])
    })

    it('brings them back after a kill in the middle of that', async () => {
      const before = filesOf(a)
      b.remove('d')
      await untilHeld(b)
      await b.replica.guard.reject()
      b.killAfter(60)
      await until(() => b.isDead)
      await b.restart()
      await until(() => heldOf(b).length === 0)
      await world.rest()
      expect([filesOf(a), filesOf(b)]).toEqual([before, before])
    })

    it('holds rewrites of most files found by one look as a whole', async () => {
      const before = filesOf(a)
      b.isDeaf = true
      encryptAll(b)
      b.overflow()
      await untilHeld(b)
      expect([heldOf(b)[0]?.files, filesOf(a)]).toEqual([count, before])
      await b.replica.guard.reject()
      await until(() => heldOf(b).length === 0)
      await world.rest()
      expect(filesOf(b)).toEqual(before)
      const history = [...b.history().values()]
      expect(history.filter((what) => what.includes('encrypted')).length).toBe(count)
    })

    it('holds rewrites one by one from where they are more than half of the files', async () => {
      for (let i = 0; i < count; i++) {
        b.write(`d/${i % 3}/${i}`, `encrypted ${i}`)
        await world.clock.pass(2000)
      }
      await untilHeld(b)
      const isEncrypted = (file: string): boolean => file.includes('encrypted')
      expect([filesOf(a).filter(isEncrypted).length, heldOf(b)[0]?.files]).toEqual([30, 30])
    })

    it('ends by itself when the user puts the files back', async () => {
      b.remove('d')
      await untilHeld(b)
      for (let i = 0; i < count; i++) b.write(`d/${i % 3}/${i}`, `text ${i}`)
      b.overflow()
      await until(() => heldOf(b).length === 0)
      await world.rest()
      expect(filesOf(a).length).toBe(count)
    })

    it('takes a rename of the top folder for no removal, and files that moved one by one neither', async () => {
      b.rename('d', 'renamed')
      expect((await world.rest()).has('renamed/0/0')).toBe(true)
      for (let i = 0; i < count; i++) b.rename(`renamed/${i % 3}/${i}`, `apart ${i}`)
      expect((await world.rest()).has('apart 7')).toBe(true)
      expect([heldOf(a), heldOf(b)]).toEqual([[], []])
    })

    it('counts what was lost over ten minutes together, and no longer', async () => {
      for (let i = 0; i < 25; i++) b.remove(`d/${i % 3}/${i}`)
      await world.rest()
      await world.clock.pass(11 * minutes)
      for (let i = 25; i < 40; i++) b.remove(`d/${i % 3}/${i}`)
      await world.rest()
      for (let i = 40; i < 50; i++) b.remove(`d/${i % 3}/${i}`)
      await untilHeld(b)
      expect([filesOf(a).length, heldOf(b)[0]?.files]).toEqual([20, 10])
    })

    it('publishes nothing of a root that was emptied or swapped, marker and all', async () => {
      b.isDeaf = true
      b.remove('d')
      b.remove('.p2psync/folder.json')
      b.overflow()
      await until(() => stateOf(b) === 'stopped')
      await world.clock.pass(60_000)
      expect([filesOf(a).length, heldOf(b)]).toEqual([count, []])
    })
  })

  describe('of what a device tells', () => {
    it.each<[string, () => void]>([
      ['a removal as one thing', () => a.remove('d')],
      ['removals one by one', () => Array.from({ length: count }, (_, i) => a.remove(`d/${i % 3}/${i}`))],
    ])('applies nothing of %s, and lets what is new go on', async (_, act) => {
      act()
      await untilHeld(b)
      expect(heldOf(b)).toMatchObject([{ direction: 'incoming', device: 'alpha', restoring: false }])
      expect([filesOf(b).length, heldOf(b)[0]?.files, stateOf(b)]).toEqual([count, count, 'held'])
      a.write('new at alpha', '1')
      await until(() => b.tree().has('new at alpha'))
      expect(filesOf(b).length).toBe(count + 1)
    })

    it.each([false, true])(
      'applies exactly what is approved, and keeps it in history; full disk: %s',
      async (isFull) => {
        a.remove('d')
        await untilHeld(b)
        b.stateDiskIsFull = isFull
        await b.replica.guard.approve()
        expect([...(await world.rest()).keys()]).toEqual([])
        expect([b.history().size >= count, heldOf(b)]).toEqual([true, []])
      },
    )

    it('asks again after a kill right behind the approval, or goes on, and every file is in history', async () => {
      a.remove('d')
      await untilHeld(b)
      await b.replica.guard.approve()
      b.killAfter(20)
      await until(() => b.isDead)
      await b.restart()
      await world.clock.pass(60_000)
      if (heldOf(b).length > 0) await b.replica.guard.approve()
      expect([...(await world.rest()).keys()]).toEqual([])
      const kept = new Set(b.history().values())
      expect(Array.from({ length: count }, (_, i) => kept.has(`file text ${i}`)).every(Boolean)).toBe(true)
    })

    it('gives the peers their files back when it is rejected', async () => {
      const before = filesOf(b)
      a.remove('d')
      await untilHeld(b)
      await b.replica.guard.reject()
      await world.rest()
      expect([filesOf(a), filesOf(b), heldOf(b)]).toEqual([before, before, []])
    })

    it('goes on holding after a kill, and can be rejected then', async () => {
      const before = filesOf(b)
      a.remove('d')
      await untilHeld(b)
      b.killAfter(1)
      b.overflow()
      await until(() => b.isDead)
      await b.restart()
      await untilHeld(b)
      await until(() => heldOf(b)[0]?.files === count)
      await world.clock.pass(60_000)
      expect(filesOf(b)).toEqual(before)
      await b.replica.guard.reject()
      b.killAfter(3)
      b.overflow()
      await until(() => b.isDead)
      await b.restart()
      await world.clock.pass(60_000)
      if (heldOf(b).length > 0) await b.replica.guard.reject()
      await world.rest()
      expect([filesOf(a), filesOf(b)]).toEqual([before, before])
    })

    it('holds rewrites, and keeps the files of this device when they are rejected', async () => {
      const before = filesOf(b)
      encryptAll(a)
      await untilHeld(b)
      const untouched = filesOf(b).filter((file) => !file.includes('encrypted')).length
      expect(untouched).toBeGreaterThanOrEqual(count / 2)
      await b.replica.guard.reject()
      await world.rest()
      expect(filesOf(a).filter((file) => before.includes(file)).length).toBe(untouched)
    })

    it('takes a move that is told file by file for no removal', async () => {
      for (let i = 0; i < count; i++) a.rename(`d/${i % 3}/${i}`, `apart ${i}`)
      expect((await world.rest()).has('apart 7')).toBe(true)
      expect(heldOf(b)).toEqual([])
    })
  })

  it('does not hold up a device that joins, nor one whose old database was put back', async () => {
    await b.stop()
    const old = await b.copyDatabase()
    await b.start()
    b.write('later', '1')
    await world.rest()
    encryptAll(a)
    await untilHeld(b)
    await b.replica.guard.approve()
    await world.rest()
    b.write('later', '2')
    await world.rest()
    await b.stop()
    await b.putDatabaseBack(old)
    await b.start()
    await world.add('gamma')
    expect(Array.from((await world.rest()).values()).filter((what) => what.includes('encrypted')).length).toBe(count)
  })
})
