import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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
})
