import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SeededRandom } from '../twins/seeded-random.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const large = Buffer.from(new SeededRandom(7).bytes(1_500_000)).toString('hex')

describe('bytes that a device has in its history', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha', { removedRowsMin: 4 })
    b = await world.add('beta', { removedRowsMin: 4 })
    a.write('large', large)
    for (let i = 0; i < 8; i++) a.write(`d/${i}`, large.slice(i * 50_000, (i + 1) * 50_000))
    await world.rest()
    await world.clock.pass(1000)
  })

  afterEach(() => world.stop())

  /** What crosses the wire until rest after `act`. */
  async function bytesFor(act: () => void): Promise<number> {
    const { bytesSent } = world.network
    act()
    await world.rest()
    return world.network.bytesSent - bytesSent
  }

  it('are not sent again when a removed file comes back', async () => {
    await bytesFor(() => a.remove('large'))
    expect(await bytesFor(() => a.write('large again', large))).toBeLessThan(large.length / 20)
    expect(b.tree().get('large again')).toBe(`file ${large}`)
  })

  it('are not sent again when an edit is taken back', async () => {
    await bytesFor(() => a.write('large', large.slice(0, 1000)))
    expect(await bytesFor(() => a.write('large', `${large} and more`))).toBeLessThan(large.length / 10)
  })

  it('are not sent again when a folder that was removed as one comes back', async () => {
    await bytesFor(() => a.remove('d'))
    const act = (): void => {
      for (let i = 0; i < 8; i++) a.write(`e/${i}`, large.slice(i * 50_000, (i + 1) * 50_000))
    }
    expect(await bytesFor(act)).toBeLessThan(20_000)
  })

  it('are known after a restart', async () => {
    await bytesFor(() => a.remove('d'))
    await b.restart()
    await world.rest()
    expect(await bytesFor(() => a.write('3', large.slice(150_000, 200_000)))).toBeLessThan(3000)
  })

  it('are sent when the history was changed or cleared', async () => {
    await bytesFor(() => a.remove('large'))
    const history = '/home/folder/.p2psync/history'
    b.disk.quietly(() => {
      for (const [path, { kind }] of b.disk.tree(history))
        if (kind === 'file') b.disk.writeFile(`${history}/${path}`, 'changed')
    })
    await bytesFor(() => a.write('large', large))
    expect(b.tree().get('large')).toBe(`file ${large}`)
  })

  it('are forgotten after thirty days, and nothing of them is left', async () => {
    await bytesFor(() => a.remove('large'))
    b.clockOffMs = 31 * 24 * 60 * 60_000
    await b.restart()
    // Nothing is old by a clock that has just leapt.
    await world.clock.pass(26 * 60 * 60_000)
    await world.rest()
    expect([...b.disk.quietly(() => b.disk.tree('/home/folder/.p2psync/history')).keys()]).toEqual([])
    const sent = await bytesFor(() => a.write('large', large))
    expect(sent).toBeGreaterThan(large.length / 3)
  })
})
