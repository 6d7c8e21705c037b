import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import type { Disk } from '../../src/ports/disk.ts'
import { ReplicaWorld, type WorldDevice } from '../node/replica-world.ts'

const root = '/home/folder'
const minuteMs = 60_000

/** Faults of disk and network, tried on whole devices. Those that older tests cover are in docs/reliability.md. */
describe('faults', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
    for (const path of ['one', 'd/two', 'd/e/three']) a.write(path, path)
    await world.rest()
    await world.clock.pass(1000)
  })

  afterEach(() => world.stop())

  /** From now on these operations fail on the device, but for its own files. */
  function fail(device: WorldDevice, operations: readonly (keyof Disk)[], code: string): void {
    device.disk.onCall = (operation, path) => {
      if (operations.includes(operation)) throw new DiskError(code, path)
    }
  }

  it.each(['EIO', 'EMFILE', 'EACCES'])(
    'a disk that says %s when it is looked at has deleted nothing, and is taken in again when it works',
    async (code) => {
      const before = b.tree()
      fail(a, ['readFolder', 'lstat', 'openRead'], code)
      a.overflow()
      a.hint('one', 'd', 'd/two')
      await world.clock.pass(minuteMs)
      expect(b.tree()).toEqual(before)
      a.disk.onCall = undefined
      a.write('one', 'edited')
      a.overflow()
      await world.clock.pass(minuteMs)
      expect((await world.rest()).get('one')).toBe('file edited')
    },
  )

  it.each(['ENOSPC', 'EIO', 'EROFS'])(
    'a disk that says %s when it is written to keeps the old version, and takes the new one by itself when it works',
    async (code) => {
      fail(b, ['create', 'write', 'sync', 'syncFolder', 'syncFileSystem', 'rename', 'hardLink', 'openWrite'], code)
      a.write('one', 'new')
      a.write('fresh', 'fresh')
      a.remove('d/two')
      await world.clock.pass(minuteMs)
      expect([b.tree().get('one'), b.tree().get('fresh'), b.tree().get('d/two')]).toEqual([
        'file one',
        undefined,
        'file d/two',
      ])
      expect(a.tree().get('one')).toBe('file new')
      b.disk.onCall = undefined
      await world.clock.pass(2 * minuteMs)
      const tree = await world.rest()
      expect([tree.get('one'), tree.get('fresh'), tree.has('d/two')]).toEqual(['file new', 'file fresh', false])
    },
  )

  it('a disk that becomes read-only in the middle of a change keeps nothing of it in staging once it works again', async () => {
    fail(b, ['sync', 'rename', 'hardLink', 'unlink'], 'EROFS')
    a.write('one', 'new')
    a.write('fresh', 'fresh')
    await world.clock.pass(minuteMs)
    expect(b.staged().size).toBeGreaterThan(0)
    b.disk.onCall = undefined
    await world.clock.pass(2 * minuteMs)
    expect((await world.rest()).get('one')).toBe('file new')
    expect(b.staged()).toEqual(new Map())
  })

  it('a path that may not be written is an error of that path, and the rest syncs', async () => {
    b.disk.setAccess(`${root}/d`, { write: false })
    a.write('d/two', 'edited')
    a.write('one', 'edited')
    await world.clock.pass(minuteMs)
    expect([b.tree().get('one'), b.tree().get('d/two')]).toEqual(['file edited', 'file d/two'])
    expect(b.replica.view.status().problems.map(({ path }) => path)).toContain('d/two')
    b.disk.setAccess(`${root}/d`, { write: true })
    await world.clock.pass(10 * minuteMs)
    expect((await world.rest()).get('d/two')).toBe('file edited')
  })

  it('a partition stops no work on either side, and its end brings both together', async () => {
    world.network.partition(a.id, b.id)
    a.write('of alpha', 'a')
    b.write('of beta', 'b')
    a.write('both', 'by alpha')
    b.write('both', 'by beta')
    await world.settle(a, b)
    world.network.heal()
    const contents = [...(await world.rest()).values()]
    expect(contents).toEqual(expect.arrayContaining(['file a', 'file b', 'file by alpha', 'file by beta']))
  })

  it.each([365, -365])(
    'a clock that jumps by %i days while edits go on changes nothing of what they come to',
    async (days) => {
      a.write('one', 'before')
      await world.rest()
      a.clockOffMs = days * 24 * 60 * minuteMs
      a.write('one', 'after the jump')
      expect((await world.rest()).get('one')).toBe('file after the jump')
      b.write('one', 'by the other')
      expect((await world.rest()).get('one')).toBe('file by the other')
      a.clockOffMs = 0
      a.write('one', 'after the jump back')
      expect(Object.fromEntries(await world.rest())).toMatchObject({ one: 'file after the jump back' })
      expect((await world.rest()).size).toBe(5)
    },
  )
})
