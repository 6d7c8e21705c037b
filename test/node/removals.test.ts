import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SeededRandom } from '../twins/seeded-random.ts'
import { watchMoves } from './move-watch.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const options = { removedRowsMin: 4 }

describe('a folder that is removed', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha', options)
    b = await world.add('beta', options)
    await world.clock.pass(1230)
    for (let i = 0; i < 12; i++) a.write(`d/${i % 3}/${i}`, `text ${i}`)
    a.write('stays', 'stays')
    await world.rest()
    await world.clock.pass(1000)
  })

  afterEach(() => world.stop())

  it('goes to history by one rename, and few bytes tell it', async () => {
    const [mine, theirs] = [watchMoves(a), watchMoves(b)]
    const { bytesSent } = world.network
    a.remove('d')
    expect([...(await world.rest()).keys()]).toEqual(['stays'])
    expect(theirs).toEqual({ reads: [], renames: [], told: ['d > nothing'], taken: ['d > nothing'] })
    expect([mine.told, inHistory(b, 'd/0/0'), inHistory(b, 'd/2/11')]).toEqual([[], ['text 0'], ['text 11']])
    expect(world.network.bytesSent - bytesSent).toBeLessThan(600)
  })

  it('is told by its records where little was in it', async () => {
    for (let i = 0; i < 3; i++) a.write(`few/${i}`, `few ${i}`)
    await world.rest()
    const watch = watchMoves(b)
    a.remove('few')
    expect((await world.rest()).has('few')).toBe(false)
    expect([watch.told, inHistory(b, 'few/1')]).toEqual([[], ['few 1']])
  })

  it('is found by a scan as well', async () => {
    a.isDeaf = true
    const watch = watchMoves(b)
    a.remove('d')
    a.overflow()
    expect([...(await world.rest()).keys()]).toEqual(['stays'])
    expect(watch.taken).toEqual(['d > nothing'])
  })

  it('is told to a device that was away, and by one that has only heard of it', async () => {
    const c = await world.add('gamma', options)
    await world.rest()
    await c.stop()
    a.remove('d')
    await world.rest([a, b])
    await a.stop()
    await c.start()
    const watch = watchMoves(c)
    expect([...(await world.rest([b, c])).keys()]).toEqual(['stays'])
    expect(watch.taken).toEqual(['d > nothing'])
    await a.start()
    await world.rest()
  })

  it.each<[string, () => void, string[]]>([
    ['an edit that nobody has seen yet', () => b.write('d/1/4', 'edited'), ['d', 'd/1', 'd/1/4']],
    ['a file that nobody has seen yet', () => b.write('d/new', 'new'), ['d', 'd/new']],
  ])('leaves %s where it is, and goes but for that', async (_, act, left) => {
    const watch = watchMoves(b)
    b.isDeaf = true
    act()
    a.remove('d')
    await world.clock.run(() => b.tree().get('d/0/0') === undefined, 60_000)
    b.isDeaf = false
    b.overflow()
    expect([...(await world.rest()).keys()]).toEqual([...left, 'stays'])
    expect(watch.taken).toEqual([])
  })

  it('is back with what was edited elsewhere meanwhile', async () => {
    world.network.partition(a.id, b.id)
    a.remove('d')
    b.write('d/1/4', 'edited')
    await world.clock.pass(2000)
    world.network.heal()
    const tree = await world.rest()
    expect([...tree]).toEqual([
      ['d', 'folder '],
      ['d/1', 'folder '],
      ['d/1/4', 'file edited'],
      ['stays', 'file stays'],
    ])
  })

  it('waits for what is still to be fetched, which may be made of it', async () => {
    const large = Buffer.from(new SeededRandom(7).bytes(1_500_000)).toString('hex')
    a.write('d/large', large)
    await world.rest()
    await world.clock.pass(1000)
    const { bytesSent } = world.network
    world.network.partition(a.id, b.id)
    a.write('copy', `${large} and more`)
    await world.clock.pass(1000)
    a.remove('d')
    await world.clock.pass(1000)
    world.network.heal()
    expect([...(await world.rest()).keys()]).toEqual(['copy', 'stays'])
    expect(world.network.bytesSent - bytesSent).toBeLessThan(large.length / 4)
  })

  it('may come again, and go again', async () => {
    for (let round = 0; round < 3; round++) {
      a.remove('d')
      expect([...(await world.rest()).keys()]).toEqual(['stays'])
      for (let i = 0; i < 6; i++) b.write(`d/${i}`, `round ${round} ${i}`)
      expect((await world.rest()).size).toBe(8)
      await world.clock.pass(1000)
    }
  })

  it('is one removal when both devices remove it', async () => {
    world.network.partition(a.id, b.id)
    a.remove('d')
    b.remove('d')
    await world.clock.pass(2000)
    world.network.heal()
    expect([...(await world.rest()).keys()]).toEqual(['stays'])
  })

  it('is told entry by entry while another folder has its content', async () => {
    a.rename('d/0/0', 'kept')
    a.rename('d/1', 'one')
    a.remove('d')
    const tree = await world.rest()
    expect([...tree.keys()]).toEqual(['kept', 'one', 'one/1', 'one/10', 'one/4', 'one/7', 'stays'])
  })

  it('costs no file, wherever the process that takes it away is killed', async () => {
    for (let calls = 1; calls < 60; calls += 3) {
      for (let i = 0; i < 6; i++) a.write(`k/${i}`, `killed ${calls} ${i}`)
      await world.rest()
      await world.clock.pass(1000)
      b.killAfter(calls)
      a.remove('k')
      await world.clock.pass(1500)
      await b.restart()
      expect((await world.rest()).has('k')).toBe(false)
      for (let i = 0; i < 6; i++) expect(inHistory(b, `k/${i}`)).toContain(`killed ${calls} ${i}`)
    }
  })
})

/** The versions of a path that the device's history has. */
function inHistory({ disk }: WorldDevice, path: string): string[] {
  const history = '/home/folder/.p2psync/history'
  const [top, ...rest] = path.split('/')
  const isVersion = (at: string): boolean => {
    const [, first, ...others] = at.split('/')
    return first?.replace(/ \(\d+\)$/, '') === top && others.join('/') === rest.join('/')
  }
  const entries = disk.quietly(() => [...disk.tree(history)])
  return entries.filter(([at]) => isVersion(at)).map(([, { content }]) => content)
}
