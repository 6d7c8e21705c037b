import { expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import { ReplicaWorld } from './replica-world.ts'

it.each(['readFolder', 'openRead'] as const)(
  'looks again after a minute at what could not be read: %s fails once',
  async (failing) => {
    const world = new ReplicaWorld()
    const alpha = await world.add('alpha')
    await world.add('beta')
    await world.rest()
    let hasFailed = false
    alpha.disk.onCall = (operation, path) => {
      if (hasFailed || operation !== failing || !path.startsWith('/home/folder/d')) return
      hasFailed = true
      throw new DiskError('EMFILE', path)
    }
    alpha.write('d/a', 'new')
    await world.clock.pass(61_000)
    expect(hasFailed).toBe(true)
    expect([...(await world.rest())]).toEqual([
      ['d', 'folder '],
      ['d/a', 'file new'],
    ])
    expect(alpha.replica.view.status().problems).toEqual([])
    await world.stop()
  },
)
