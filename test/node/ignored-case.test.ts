import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

/** One device whose disk ignores case, and one whose disk does not. */
describe('a disk that ignores case', () => {
  let world: ReplicaWorld
  let plain: WorldDevice
  let folding: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    plain = await world.add('alpha')
    folding = await world.add('beta', { ignoresCase: true })
  })

  afterEach(() => world.stop())

  /** Until all that can be done is done: what is held stays. */
  const passed = async (): Promise<void> => {
    await world.clock.pass(30_000)
    expect(world.failures).toEqual([])
  }

  it.each([
    ['files', 'doc', 'Doc'],
    ['folders', 'd/doc', 'D/other'],
  ])(
    'holds one of two %s whose names differ in case, says so of the other, and changes nothing elsewhere',
    async (_, one, two) => {
      plain.write(one, 'one')
      await world.rest()
      plain.write(two, 'two')
      await passed()
      expect(folding.tree().get(one)).toBe('file one')
      expect([...folding.tree().values()]).not.toContain('file two')
      expect([plain.tree().get(one), plain.tree().get(two)]).toEqual(['file one', 'file two'])
      const { problems } = folding.replica.view.status()
      expect(problems).toContainEqual({
        path: two,
        reason: 'this disk ignores case, and holds another entry under this name',
      })
      // A look at the whole folder takes the one that is held for neither deleted nor changed.
      await folding.restart()
      await passed()
      expect([plain.tree().get(one), plain.tree().get(two)]).toEqual(['file one', 'file two'])
      folding.write(one, 'one, edited')
      await passed()
      expect([plain.tree().get(one), plain.tree().get(two)]).toEqual(['file one, edited', 'file two'])
      // It comes when there is room for it.
      plain.remove(one.split('/')[0]!)
      await world.clock.pass(120_000)
      expect((await world.rest()).get(two)).toBe('file two')
    },
  )

  it.each(['alpha', 'beta'])('renames in case only, when that was done on %s', async (name) => {
    const device = name === 'alpha' ? plain : folding
    plain.write('doc', 'text')
    plain.write('d/one', 'one')
    await world.rest()
    for (const [from, to] of [
      ['doc', 'DOC'],
      ['d', 'D'],
    ] as const) {
      device.rename(from, 'between')
      device.rename('between', to)
    }
    const tree = await world.rest()
    expect([...tree.keys()].sort()).toEqual(['D', 'D/one', 'DOC'])
    expect([tree.get('DOC'), tree.get('D/one')]).toEqual(['file text', 'file one'])
  })
})
