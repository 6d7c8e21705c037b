import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import type { StoreEntry } from '../../src/ports/key-value-store.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

describe('a replica in trouble', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha', { guardLimits: null })
    b = await world.add('beta', { guardLimits: null })
  })

  afterEach(() => world.stop())

  it('comes to rest with files from the future, where its clock once was', async () => {
    b.write('doc', 'from the future')
    b.clockOffMs = -365 * 24 * 60 * 60_000
    a.write('doc', 'from alpha')
    expect((await world.rest()).size).toBe(2)
    // Each has had its second look by then.
    await world.clock.pass(60_000)
    let looks = 0
    b.disk.onCall = (_, path) => {
      if (!path.includes('.p2psync')) looks++
    }
    await world.clock.pass(60_000)
    expect(looks).toBe(0)
  })

  it('publishes an edit that makes a file shorter though its clock has gone back a moment', async () => {
    b.write('doc', 'a long text')
    await world.rest()
    await world.clock.pass(2000)
    b.clockOffMs = -5000
    b.write('doc', 'short')
    expect((await world.rest()).get('doc')).toBe('file short')
    expect(a.tree().get('doc')).toBe('file short')
  })

  it('says soon that its folder is away, though nothing tells it', async () => {
    a.write('doc', 'one')
    await world.rest()
    b.disk.quietly(() => b.disk.unlink('/home/folder/.p2psync/folder.json'))
    await world.clock.pass(10_000)
    expect(b.replica.view.status().state).toBe('stopped')
    expect(a.tree().has('doc')).toBe(true)
  })

  it('does not fetch again and again what something unsynced is in the way of', async () => {
    a.write('x', 'one')
    await world.rest()
    b.remove('x')
    b.makeOther('x')
    a.write('x', 'two')
    await world.clock.pass(60_000)
    const { bytesSent } = world.network
    await world.clock.pass(10 * 60_000)
    expect(world.network.bytesSent - bytesSent).toBeLessThan(20_000)
    expect(b.replica.view.status().problems.map(({ path }) => path)).toContain('x')
  })

  it('keeps a loser whose usual name an edited copy has', async () => {
    const c = await world.add('gamma')
    world.network.partition(b.id, a.id)
    world.network.partition(b.id, c.id)
    c.write('doc', 'loser', { mtimeMs: Date.UTC(2020, 1, 1) })
    b.write('doc', 'winner', { mtimeMs: Date.UTC(2020, 1, 2) })
    await world.settle(b)
    await world.rest([a, c])
    await c.stop()
    world.network.heal()
    const copy = [...(await world.rest([a, b])).keys()].find((path) => path.includes('conflicted copy'))!
    for (const text of ['edited', 'edited twice']) {
      a.write(copy, text)
      await world.rest([a, b])
    }
    c.loseDatabase()
    let isStuck = true
    c.disk.onCall = (operation, path) => {
      if (isStuck && operation === 'rename' && path === '/home/folder/doc') throw new DiskError('EACCES', path)
    }
    await c.start()
    await world.clock.run(() => c.tree().has(copy), 10_000)
    isStuck = false
    const contents = [...(await world.rest()).values()].sort()
    expect(contents).toEqual(['file edited twice', 'file loser', 'file winner'])
  })

  it('keeps a loser whose copy was made and deleted before', async () => {
    for (const round of [1, 2]) {
      world.network.partition(a.id, b.id)
      a.write('doc', 'loser', { mtimeMs: Date.UTC(2020, 1, 1) })
      b.write('doc', `winner ${round}`, { mtimeMs: Date.UTC(2020, 1, 2) })
      await world.settle(a, b)
      world.network.heal()
      const tree = await world.rest()
      expect([...tree.values()].sort()).toEqual(['file loser', `file winner ${round}`])
      if (round === 1) b.remove([...tree.keys()].find((path) => path.includes('conflicted copy'))!)
      await world.rest()
    }
  })

  it('keeps what is edited after an old database was put back', async () => {
    const backup = await copyOfStopped(a)
    a.write('x', 'first life')
    a.write('y', 'y')
    await world.rest()
    await a.stop()
    await a.putDatabaseBack(backup)
    a.write('x', 'second life')
    await a.start()
    expect((await world.rest()).get('x')).toBe('file second life')
  })

  /** `a` has an old database put back, was edited, and runs alone. */
  async function beginSecondLife(): Promise<void> {
    a.write('x', 'base')
    await world.rest()
    const backup = await copyOfStopped(a)
    for (let i = 0; i < 5; i++) {
      a.write('x', `first life ${i}`)
      await world.rest()
    }
    await a.stop()
    await a.putDatabaseBack(backup)
    a.write('x', 'second life')
    world.network.partition(a.id, b.id)
    await a.start()
    await world.settle(a)
  }

  it('finds out that its database is an old one though it has counted past what its peers know', async () => {
    await beginSecondLife()
    for (let i = 0; i < 9; i++) {
      a.write(`more ${i}`, 'more')
      await world.settle(a)
    }
    world.network.heal()
    const tree = await world.rest()
    expect([...tree.values()]).toContain('file second life')
  })

  it('keeps what was edited in an old database that was put back, though it was restarted before it met anybody', async () => {
    await beginSecondLife()
    for (let i = 0; i < 9; i++) {
      await a.restart()
      a.write(`more ${i}`, 'more')
      await world.settle(a)
    }
    world.network.heal()
    const contents = [...(await world.rest()).values()]
    expect(contents).toEqual(expect.arrayContaining(['file second life', 'file first life 4']))
  })

  it('looks again at paths that it could not look at', async () => {
    await world.rest()
    let failures = 1
    a.disk.onCall = (operation, path) => {
      if (operation === 'openRead' && path.endsWith('folder.json') && failures-- > 0) throw new Error('broken')
    }
    a.write('x', 'x')
    await world.clock.pass(10_000)
    expect((await world.rest()).get('x')).toBe('file x')
  })

  it.each([0, 6, 12, 18, 24, 30, 36])(
    'takes up again what it gave up when its folder was away for one look, %d ms after a change elsewhere',
    async (delayMs) => {
      await world.rest()
      let failures = 0
      a.disk.onCall = (operation, path) => {
        if (operation === 'openRead' && path.endsWith('folder.json') && failures-- > 0)
          throw new DiskError('ENOENT', path)
      }
      b.write('y', 'y')
      await world.clock.pass(delayMs)
      failures = 1
      a.write('x', 'x')
      await world.clock.pass(10_000)
      expect([...(await world.rest()).keys()]).toEqual(['x', 'y'])
    },
  )

  it('walks trees whose records are as long as they may be, and tells that they are gone', async () => {
    world.network.partition(a.id, b.id)
    for (let i = 0; i < 300; i++) a.link(`link ${i}`, `${i}/${'x'.repeat(4080)}`)
    b.write('here', 'here')
    await world.settle(a, b)
    world.network.heal()
    expect((await world.rest()).size).toBe(301)
    for (let i = 0; i < 300; i++) a.remove(`link ${i}`)
    expect((await world.rest()).size).toBe(1)
  })

  it('takes a folder away whole, however many frames it takes to tell', async () => {
    for (let i = 0; i < 1500; i++) a.write(`d/${i}`, `${i}`)
    await world.rest()
    a.remove('d')
    expect(await world.rest()).toEqual(new Map())
    await world.clock.pass(60_000)
    expect(await world.rest()).toEqual(new Map())
  })

  it('lets nothing cross the wire at rest, even where roots differ because something cannot be taken over', async () => {
    a.write('x', 'one')
    await world.rest()
    b.remove('x')
    b.makeOther('x')
    a.write('x', 'two')
    await world.clock.pass(60 * 60_000)
    const { framesSent } = world.network
    await world.clock.pass(10 * 60_000)
    expect(world.network.framesSent - framesSent).toBeLessThan(200)
  })

  it.each(['', ', while something else cannot be taken over'])(
    'finds out that it has deleted what would have won over another version, and lost to its own%s',
    async (held) => {
      await world.stop()
      world = new ReplicaWorld({ network: { delayMs: () => 100 } })
      a = await world.add('alpha')
      b = await world.add('beta')
      if (held !== '') a.makeOther('x')
      b.write('x', 'in the way of nothing but alpha')
      await world.clock.pass(60_000)
      b.write('doc', 'older', { mtimeMs: 1_000_000 })
      a.write('doc', 'newer')
      // Each has heard of the other's; the newer one has not travelled yet.
      await world.clock.pass(120)
      a.remove('doc')
      await world.clock.pass(60_000)
      expect([a.tree().get('doc'), b.tree().get('doc')]).toEqual(['file older', 'file older'])
    },
  )
})

async function copyOfStopped(device: WorldDevice): Promise<StoreEntry[]> {
  await device.stop()
  const copy = await device.copyDatabase()
  await device.start()
  return copy
}
