import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

describe('a file whose bytes cannot be made durable', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
  })

  afterEach(() => world.stop())

  it('is not put in place before they are', async () => {
    let refused = 0
    b.disk.onCall = (operation, path) => {
      if (operation !== 'sync' || !path.includes('/staging/')) return
      refused++
      throw new DiskError('EIO', path)
    }
    a.write('doc', 'text')
    await world.clock.pass(5000)
    expect(refused).toBeGreaterThan(0)
    expect(b.tree().has('doc')).toBe(false)
    b.disk.onCall = () => undefined
    expect((await world.rest()).get('doc')).toBe('file text')
  })
})
