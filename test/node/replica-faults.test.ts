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
    a = await world.add('alpha')
    b = await world.add('beta')
  })

  afterEach(() => world.stop())

  it('comes to rest with files from the future, where its clock once was', async () => {
    b.write('doc', 'from the future')
    b.clockOffMs = -365 * 24 * 60 * 60_000
    a.write('doc', 'from alpha')
    expect((await world.rest()).size).toBe(2)
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
    a.write('doc', 'base')
    await world.rest()
    await c.stop()
    world.network.partition(a.id, b.id)
    a.write('doc', 'loser', { mtimeMs: Date.UTC(2020, 1, 1) })
    b.write('doc', 'winner', { mtimeMs: Date.UTC(2020, 1, 2) })
    await world.settle(a, b)
    world.network.heal()
    const [copy] = [...(await world.rest([a, b])).keys()].filter((path) => path.includes('conflicted copy'))
    a.write(copy!, 'edited')
    await world.rest([a, b])
    a.write(copy!, 'edited twice')
    await world.rest([a, b])
    c.write('doc', 'loser', { mtimeMs: Date.UTC(2020, 1, 1) })
    await c.start()
    const contents = [...(await world.rest()).values()]
    expect(contents).toContain('file winner')
    expect(contents).toContain('file edited twice')
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
      if (round === 1) a.remove([...tree.keys()].find((path) => path.includes('conflicted copy'))!)
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

  it('finds out that its database is an old one though it has counted past what its peers know', async () => {
    a.write('x', 'base')
    await world.rest()
    const backup = await copyOfStopped(a)
    a.write('x', 'first life')
    await world.rest()
    await a.stop()
    await a.putDatabaseBack(backup)
    a.write('x', 'second life')
    world.network.partition(a.id, b.id)
    await a.start()
    for (let i = 0; i < 5; i++) a.write(`more ${i}`, 'more')
    await world.settle(a)
    world.network.heal()
    const tree = await world.rest()
    expect([...tree.values()]).toContain('file second life')
  })

  it('looks again at paths that it could not look at', async () => {
    await world.rest()
    let failures = 1
    a.disk.onCall = (operation, path) => {
      if (operation === 'lstat' && path.endsWith('folder.json') && failures-- > 0) throw new Error('broken')
    }
    a.write('x', 'x')
    await world.clock.pass(1000)
    expect((await world.rest()).get('x')).toBe('file x')
  })

  it('takes up again what it gave up when its folder was away for a moment', async () => {
    await world.rest()
    const marker = '/home/folder/.p2psync/folder.json'
    let away = true
    a.disk.onCall = (_, path) => {
      if (path === marker && away) throw new DiskError('ENOENT', path)
    }
    a.write('x', 'x')
    b.write('y', 'y')
    await world.clock.pass(100)
    away = false
    expect([...(await world.rest()).keys()]).toEqual(['x', 'y'])
  })
})

async function copyOfStopped(device: WorldDevice): Promise<StoreEntry[]> {
  await device.stop()
  const copy = await device.copyDatabase()
  await device.start()
  return copy
}
