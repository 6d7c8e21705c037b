import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

describe('what is being written', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha', { removedRowsMin: 4 })
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
  it('is waited for no longer when it goes away with its folder, and that waits for a person', async () => {
    for (let i = 0; i < 100; i++) a.write(`g/${i}`, 'other')
    await world.rest()
    for (let turn = 0; turn < 40; turn++) {
      for (let i = 0; i < 40; i++) a.write(`g/${i}`, `text ${turn}`)
      await world.clock.pass(20)
    }
    expect(a.replica.state().busy).toBe(true)
    a.rename('g', '.p2psync/elsewhere')
    await world.clock.pass(5000)
    expect(a.replica.view.status()).toMatchObject({ state: 'held', held: [{ files: 100 }] })
    expect(b.replica.peers.sessions[0]?.peerState?.busy).toBe(false)
  })

  it('is waited for no longer when a scan finds it gone', async () => {
    for (let offMs = 210; offMs < 260; offMs += 2) {
      for (let turn = 0; turn < 20; turn++) {
        a.write('log', `line ${offMs} ${turn}`)
        await world.clock.pass(20)
      }
      await world.clock.pass(offMs)
      a.isDeaf = true
      a.remove('log')
      a.overflow()
      a.isDeaf = false
      await world.clock.pass(5000)
      expect(a.replica.state().busy, String(offMs)).toBe(false)
      await world.clock.pass(20_000)
    }
  })
})
