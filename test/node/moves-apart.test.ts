import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import { inodesOf, watchMoves } from './move-watch.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

describe('a folder that moves while something is in its way', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
    await world.clock.pass(1230)
    for (let i = 0; i < 6; i++) a.write(`d/${i % 2}/${i}`, `text ${i}`)
    await world.rest()
    await world.clock.pass(1000)
  })

  afterEach(() => world.stop())

  it('is found by the first scan after a restart', async () => {
    const before = inodesOf(b, 'd')
    await a.stop()
    a.rename('d', 'e')
    const watch = watchMoves(b)
    await a.start()
    await world.rest()
    expect(inodesOf(b, 'e')).toEqual(before)
    expect([watch.taken, watch.reads]).toEqual([['d > e'], []])
  })

  it('is still told as a move to a device that was away, by one that was restarted since', async () => {
    const before = inodesOf(b, 'd')
    await b.stop()
    a.rename('d', 'e')
    await world.settle(a)
    a.rename('e', 'f')
    await world.settle(a)
    await a.restart()
    await world.settle(a)
    await b.start()
    const watch = watchMoves(b)
    expect((await world.rest()).get('f/1/3')).toBe('file text 3')
    expect(inodesOf(b, 'f')).toEqual(before)
    expect(watch.taken).toEqual(['d > e', 'e > f'])
  })

  it('takes along what was changed in it on the other side, and not yet seen there', async () => {
    b.isDeaf = true
    b.write('d/0/0', 'edited')
    b.write('d/new', 'new')
    b.makeFolder('d/made')
    b.remove('d/1/1')
    const watch = watchMoves(b)
    a.rename('d', 'e')
    const tree = await world.rest()
    expect(watch.taken).toEqual(['d > e'])
    expect([...tree.keys()]).toEqual([
      'e',
      'e/0',
      'e/0/0',
      'e/0/2',
      'e/0/4',
      'e/1',
      'e/1/3',
      'e/1/5',
      'e/made',
      'e/new',
    ])
    expect([tree.get('e/0/0'), tree.get('e/new')]).toEqual(['file edited', 'file new'])
  })

  it('loses no file that could not be written there before', async () => {
    let isStuck = true
    b.disk.onCall = (operation, path) => {
      if (isStuck && operation === 'rename' && path.startsWith('/home/folder/d')) throw new DiskError('EACCES', path)
    }
    a.write('d/0/0', 'edited')
    await world.clock.pass(2000)
    a.rename('d', 'e')
    await world.clock.pass(2000)
    isStuck = false
    const tree = await world.rest()
    expect([tree.get('e/0/0'), tree.has('d')]).toEqual(['file edited', false])
  })

  it('waits for the folder that it moves into, which is still on its way', async () => {
    let isStuck = true
    b.disk.onCall = (operation, path) => {
      if (isStuck && operation === 'makeFolder' && path.startsWith('/home/folder')) throw new DiskError('EAGAIN', path)
    }
    a.makeFolder('new')
    a.rename('d', 'new/d')
    const before = inodesOf(b, 'd')
    await world.clock.pass(40)
    isStuck = false
    await world.rest()
    expect(inodesOf(b, 'new/d')).toEqual(before)
  })

  it('ends at both places when both devices move it, and everything is at either', async () => {
    world.network.partition(a.id, b.id)
    a.rename('d', 'of a')
    b.rename('d', 'of b')
    await world.settle(a, b)
    world.network.heal()
    const tree = await world.rest()
    expect([...tree.keys()].filter((path) => !path.startsWith('of '))).toEqual([])
    for (let i = 0; i < 6; i++) {
      for (const place of ['of a', 'of b']) expect(tree.get(`${place}/${i % 2}/${i}`)).toBe(`file text ${i}`)
    }
  })

  it('is moved once when both devices move it to the same place', async () => {
    world.network.partition(a.id, b.id)
    a.rename('d', 'e')
    b.rename('d', 'e')
    await world.settle(a, b)
    world.network.heal()
    const tree = await world.rest()
    expect([tree.size, tree.get('e/1/3'), a.replica.view.status().conflicts]).toEqual([9, 'file text 3', 0])
  })

  it('leaves what was edited elsewhere meanwhile at its old path', async () => {
    world.network.partition(a.id, b.id)
    a.rename('d', 'e')
    b.write('d/0/0', 'edited')
    await world.settle(a, b)
    world.network.heal()
    const tree = await world.rest()
    expect([tree.get('d/0/0'), tree.get('e/0/2')]).toEqual(['file edited', 'file text 2'])
  })

  it('is put together with a folder that the other user has made at its new place', async () => {
    b.isDeaf = true
    b.write('e/0/0', 'of beta')
    b.write('e/mine', 'mine')
    a.rename('d', 'e')
    await world.clock.pass(5000)
    b.overflow()
    const tree = await world.rest()
    expect([...tree.values()].sort()).toEqual(
      [
        ...Array.from({ length: 3 }, () => 'folder '),
        ...['of beta', 'mine', ...Array.from({ length: 6 }, (_, i) => `text ${i}`)].map((text) => `file ${text}`),
      ].sort(),
    )
  })

  it('is there though the folder that it moves into was removed there just before', async () => {
    a.makeFolder('p')
    await world.rest()
    b.isDeaf = true
    b.remove('p')
    a.rename('d', 'p/d')
    await world.clock.pass(5000)
    b.overflow()
    const tree = await world.rest()
    for (let i = 0; i < 6; i++) expect(tree.get(`p/d/${i % 2}/${i}`)).toBe(`file text ${i}`)
  })

  it.each(['mover', 'receiver'])('arrives whole though the database of its %s was lost', async (who) => {
    const device = who === 'mover' ? a : b
    await device.stop()
    device.loseDatabase()
    a.rename('d', 'e')
    await device.start()
    const tree = await world.rest()
    for (let i = 0; i < 6; i++) expect(tree.get(`e/${i % 2}/${i}`)).toBe(`file text ${i}`)
  })

  it.each(['mover', 'receiver'])('arrives whole though the database of its %s is an old one', async (who) => {
    const device = who === 'mover' ? a : b
    const copy = await device.copyDatabase()
    a.rename('d', 'e')
    await world.rest()
    await device.stop()
    await device.putDatabaseBack(copy)
    a.rename('e', 'f')
    await device.start()
    const tree = await world.rest()
    expect([...tree.keys()].filter((path) => path.startsWith('d'))).toEqual([])
    for (let i = 0; i < 6; i++) expect(tree.get(`f/${i % 2}/${i}`)).toBe(`file text ${i}`)
  })

  it('reaches a third device by whoever tells it first, once, and is not told about', async () => {
    const c = await world.add('gamma')
    await world.rest()
    await world.clock.pass(1000)
    const before = inodesOf(c, 'd')
    const watches = [a, b, c].map(watchMoves)
    const { framesSent } = world.network
    a.rename('d', 'e')
    await world.rest()
    await world.clock.pass(1000)
    expect(watches.map(({ renames }) => renames)).toEqual([[], ['e'], ['e']])
    expect(watches.map(({ reads }) => reads)).toEqual([[], [], []])
    for (const { told, taken } of watches) expect(taken).toEqual(told)
    expect(inodesOf(c, 'e')).toEqual(before)
    // A move and an answer each way at most, and what each device says of its state.
    expect(world.network.framesSent - framesSent).toBeLessThan(30)
  })

  it('reaches a device at the end of a line', async () => {
    const c = await world.add('gamma')
    await world.rest()
    world.network.partition(a.id, c.id)
    await world.clock.pass(1000)
    const before = inodesOf(c, 'd')
    const watch = watchMoves(c)
    a.rename('d', 'e')
    await world.rest()
    expect([inodesOf(c, 'e'), watch.taken]).toEqual([before, ['d > e']])
  })
})

describe('a move and a process that is killed', () => {
  it.each(['mover', 'receiver'])('leave every file in one place, wherever the %s is killed', async (who) => {
    for (let calls = 1; calls < 40; calls += 1) {
      const world = new ReplicaWorld()
      const a = await world.add('alpha')
      const b = await world.add('beta')
      for (let i = 0; i < 3; i++) a.write(`d/${i}`, `text ${i}`)
      await world.rest()
      await world.clock.pass(1000)
      const victim = who === 'mover' ? a : b
      victim.killAfter(calls)
      a.rename('d', 'e')
      await world.clock.pass(500)
      await victim.restart()
      const tree = await world.rest()
      expect(Object.fromEntries(tree), `after ${calls}`).toEqual({
        e: 'folder ',
        ...Object.fromEntries([0, 1, 2].map((i) => [`e/${i}`, `file text ${i}`])),
      })
      expect(b.replica.view.status().conflicts).toBe(0)
      await world.stop()
    }
  })
})
