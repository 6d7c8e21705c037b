import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

describe('what is being written', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
    a.write('x', 'base 0')
    a.write('log', 'line')
    await world.rest()
  })

  afterEach(() => world.stop())

  it('comes as a whole when it is a database, half a second after its last write', async () => {
    for (let i = 1; i <= 5; i++) {
      a.write('x-wal', `log ${i}`)
      a.write('x', `base ${i}`)
      await world.clock.pass(300)
      expect(b.tree().get('x-wal')).toBeUndefined()
      expect(b.tree().get('x')).toBe('file base 0')
    }
    const tree = await world.rest()
    expect([tree.get('x'), tree.get('x-wal')]).toEqual(['file base 5', 'file log 5'])
  })

  it('makes few versions of a log, and the last of them comes soon after its last line', async () => {
    const before = a.replica.index.seq
    for (let i = 0; i < 1000; i++) {
      a.write('log', `line ${i}`)
      await world.clock.pass(20)
    }
    expect(a.replica.index.seq - before).toBeLessThan(30)
    await world.clock.pass(500)
    expect(b.tree().get('log')).toBe('file line 999')
  })
})
