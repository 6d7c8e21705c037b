import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const root = '/home/folder'

describe('a path that something which is not synced has taken', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
    await world.clock.pass(1234)
    a.write('x', 'one')
    a.write('d/e/f', 'below')
    await world.rest()
    await world.clock.pass(1000)
  })

  afterEach(() => world.stop())

  /** Puts it where a file or folder is, without a moment in which nothing is there. */
  function put(path: string, what: string): void {
    const { isDeaf } = b
    b.isDeaf = true
    if (b.tree().has(path)) b.remove(path)
    b.isDeaf = isDeaf
    if (what === 'FIFO') b.makeOther(path)
    else b.link(path, what)
  }

  const states = (): string[] => world.devices.map((device) => device.replica.view.status().state)
  const problemsAt = (path: string): string[] =>
    b.replica.view.status().problems.flatMap((problem) => (problem.path === path ? [problem.reason] : []))

  it.each([
    ['FIFO', 'other ', 'it is neither file, folder nor symlink'],
    ['/etc/hosts', 'symlink /etc/hosts', 'its target is absolute'],
    ['../outside', 'symlink ../outside', 'its target lies outside of the folder'],
  ])('is told as removed, and what is there stays and is shown: %s', async (what, there, reason) => {
    put('x', what)
    await world.clock.pass(10_000)
    expect([a.tree().has('x'), [...a.history().values()].at(-1), b.tree().get('x')]).toEqual([false, 'file one', there])
    expect([states(), problemsAt('x')]).toEqual([['in-sync', 'in-sync'], [reason]])
    const c = await world.add('gamma')
    await world.clock.pass(10_000)
    expect([states(), c.tree()]).toEqual([['in-sync', 'in-sync', 'in-sync'], a.tree()])
  })

  it('is told as removed when a scan finds it, with all that was in a folder', async () => {
    b.isDeaf = true
    put('x', 'FIFO')
    put('d', '/mnt/larger')
    b.overflow()
    await world.clock.pass(10_000)
    expect([a.tree().size, states()]).toEqual([0, ['in-sync', 'in-sync']])
    expect([...a.history().values()].sort()).toEqual(expect.arrayContaining(['file below', 'file one']))
    expect([problemsAt('x').length, problemsAt('d')]).toEqual([1, ['its target is absolute']])
  })

  it('gets a later version as soon as it is free, and not before', async () => {
    put('x', 'FIFO')
    world.network.partition(a.id, b.id)
    a.write('x', 'two')
    await world.settle(a, b)
    world.network.heal()
    await world.clock.pass(60_000)
    expect([a.tree().get('x'), b.tree().get('x')]).toEqual(['file two', 'other '])
    expect(problemsAt('x')).toContain('something that is not synced is at its path here')
    await world.clock.pass(10 * 60_000)
    b.remove('x')
    await world.clock.pass(1000)
    expect([b.tree().get('x'), problemsAt('x')]).toEqual(['file two', []])
    await world.rest()
  })

  it('gets what is to be in the folder that was there as soon as it is free', async () => {
    put('d', '/mnt/larger')
    await world.clock.pass(1000)
    a.write('d/e/new', 'new')
    await world.clock.pass(10 * 60_000)
    expect([b.tree().get('d'), problemsAt('d/e/new').length]).toEqual(['symlink /mnt/larger', 1])
    b.remove('d')
    await world.clock.pass(1000)
    expect(b.tree().get('d/e/new')).toBe('file new')
    expect((await world.rest()).get('x')).toBe('file one')
  })

  it('is told as left by what has moved from there', async () => {
    b.isDeaf = true
    b.rename('x', 'y')
    b.rename('d', 'moved')
    b.isDeaf = false
    b.link('d', '/mnt/larger')
    b.makeOther('x')
    b.hint('x', 'y', 'd', 'moved')
    await world.clock.pass(10_000)
    expect([...a.tree().keys()]).toEqual(['moved', 'moved/e', 'moved/e/f', 'y'])
    expect([states(), problemsAt('x').length, problemsAt('d').length]).toEqual([['in-sync', 'in-sync'], 1, 1])
  })

  it('waits for a person with others, when they are too many', async () => {
    for (let i = 0; i < 40; i++) a.write(`m/${i}`, `text ${i}`)
    await world.rest()
    b.isDeaf = true
    for (let i = 0; i < 40; i++) put(`m/${i}`, 'FIFO')
    b.overflow()
    await world.clock.pass(10_000)
    expect([a.tree().get('m/7'), b.replica.view.status().state]).toEqual(['file text 7', 'held'])
    await b.replica.guard.reject()
    await world.clock.pass(60_000)
    expect([a.tree().get('m/7'), b.tree().get('m/7')]).toEqual(['file text 7', 'other '])
    b.isDeaf = false
    for (let i = 0; i < 40; i++) b.remove(`m/${i}`)
    expect((await world.rest()).get('m/7')).toBe('file text 7')
  })

  it('is unknown where what is there is mounted over it', async () => {
    b.isDeaf = true
    put('x', 'FIFO')
    b.disk.mount(`${root}/x`)
    b.overflow()
    await world.clock.pass(120_000)
    expect([a.tree().get('x'), problemsAt('x')]).toEqual(['file one', ['another file system is mounted there']])
  })

  it('is removed on both sides, and shown still', async () => {
    world.network.partition(a.id, b.id)
    put('x', 'FIFO')
    a.remove('x')
    await world.settle(a, b)
    world.network.heal()
    await world.clock.pass(10_000)
    expect([states(), problemsAt('x').length]).toEqual([['in-sync', 'in-sync'], 1])
  })
})
