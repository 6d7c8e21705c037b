import { beforeEach, describe, expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const count = 60
const minuteMs = 60_000

describe('what waits for a person, while something else is not as it should be', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice
  let c: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha', { guardLimits: null, removedRowsMin: 4 })
    b = await world.add('beta', { removedRowsMin: 4 })
    c = await world.add('gamma')
    await world.clock.pass(1230)
  })

  const share = async (from: WorldDevice): Promise<void> => {
    for (let i = 0; i < count; i++) from.write(`d/${i % 3}/${i}`, `text ${i}`)
    await world.clock.pass(20_000)
  }
  /** Ransomware: the first half goes before it is too much. */
  const encryptSlowly = async (at: WorldDevice): Promise<void> => {
    for (let i = 0; i < count; i++) {
      at.write(`d/${i % 3}/${i}`, `encrypted ${i}`)
      await world.clock.pass(2000)
    }
    await world.clock.pass(5000)
  }
  const encrypted = (device: WorldDevice): number =>
    [...device.tree().values()].filter((what) => what.includes('encrypted')).length
  const heldAt = (device: WorldDevice): readonly number[] => device.replica.view.status().held.map(({ files }) => files)
  const away = async (device: WorldDevice): Promise<void> => {
    for (const other of world.devices) if (other !== device) world.network.partition(device.id, other.id)
    await world.clock.pass(30_000)
  }
  const back = async (): Promise<void> => {
    world.network.heal()
    await world.clock.pass(minuteMs)
  }

  it.each(['', ', and over a restart'])('waits on when who told it goes away%s', async (restart) => {
    world.network.partition(a.id, c.id)
    await share(a)
    await encryptSlowly(a)
    expect([heldAt(b), encrypted(b)]).toEqual([[count / 2], count / 2])
    world.network.partition(a.id, b.id)
    if (restart !== '') await b.restart()
    await world.clock.pass(minuteMs)
    expect(heldAt(b)).toEqual([count / 2])
    world.network.heal(a.id, b.id)
    await world.clock.pass(minuteMs)
    expect([heldAt(b), encrypted(b), encrypted(c)]).toEqual([[count / 2], count / 2, count / 2])
  })

  it.each(['', ', and over a restart'])(
    'is kept when it was rejected while who told it was away%s',
    async (restart) => {
      await c.stop()
      await share(a)
      await encryptSlowly(a)
      await away(a)
      await b.replica.guard.reject()
      expect(heldAt(b)).toEqual([])
      if (restart !== '') await b.restart()
      await back()
      expect([encrypted(a), encrypted(b), heldAt(b)]).toEqual([count / 2, count / 2, []])
    },
  )

  it('is kept as well when a folder is told to be gone as one thing', async () => {
    await c.stop()
    await share(a)
    for (let i = 0; i < count; i++) a.write(`e/${i}`, `more ${i}`)
    await world.rest([a, b])
    a.remove('d')
    await world.clock.pass(11 * minuteMs)
    for (let i = 0; i < 20; i++) a.write(`f/${i}`, `again ${i}`)
    await world.rest([a, b])
    const before = b.tree()
    a.remove('e')
    await world.clock.pass(5000)
    expect(heldAt(b)).toEqual([count])
    await away(a)
    await b.replica.guard.reject()
    for (let i = 0; i < 4 * count; i++) b.write(`g/${i}`, `new ${i}`)
    await back()
    const after = b.tree()
    expect([...before].filter(([path, what]) => after.get(path) !== what)).toEqual([])
    expect(await world.rest([a, b])).toEqual(after)
  })

  it('is no rejection of what somebody changes there later', async () => {
    await share(a)
    await encryptSlowly(a)
    await away(a)
    await b.replica.guard.reject()
    await world.clock.pass(5000)
    const kept = [...b.tree()].find(([, what]) => what.startsWith('file text'))![0]
    c.write(kept, 'edited by a person')
    await world.clock.pass(5000)
    expect(b.tree().get(kept)).toBe('file edited by a person')
  })

  it('ends where another device has settled it, and an approval of nothing lets nothing pass later', async () => {
    await share(a)
    a.remove('d')
    await world.clock.pass(10_000)
    expect([heldAt(b), heldAt(c)]).toEqual([[count], [count]])
    await c.replica.guard.reject()
    await world.clock.pass(30_000)
    expect([heldAt(b), heldAt(c)]).toEqual([[], []])
    await world.rest()
    await world.clock.pass(24 * 60 * minuteMs)
    a.remove('d')
    await world.clock.pass(30_000)
    expect(heldAt(b)).toEqual([count])
  })

  it.each(['', ', when it was rejected'])('waits on when a look could not read a folder%s', async (rejected) => {
    await share(a)
    await encryptSlowly(b)
    expect(heldAt(b)).toEqual([count / 2])
    if (rejected !== '') {
      await away(b)
      await b.replica.guard.reject()
    }
    let failures = 0
    b.disk.onCall = (operation, path) => {
      if (operation !== 'readFolder' || path !== '/home/folder/d' || failures++ > 0) return
      throw new DiskError('EMFILE', path)
    }
    b.overflow()
    await world.clock.pass(2 * minuteMs)
    expect([heldAt(b), encrypted(a)]).toEqual([[count / 2], count / 2])
    await back()
    await world.clock.pass(minuteMs)
    expect([heldAt(b), encrypted(a)]).toEqual([rejected === '' ? [count / 2] : [], count / 2])
  })

  it('has not moved as long as nobody may be told where it is', async () => {
    for (let i = 0; i < count; i++) a.write(`g/${i}`, `text ${i}`)
    for (let i = 0; i < 5; i++) a.write(`p/${i}`, `project ${i}`)
    a.write('report', 'the report')
    await world.rest()
    await world.clock.pass(1000)
    b.remove('g')
    await world.clock.pass(10_000)
    b.rename('p', 'q')
    b.rename('report', 'q/3')
    await world.clock.pass(10_000)
    expect(a.tree().get('report')).toBe('file the report')
    await b.replica.guard.reject()
    await world.clock.pass(2 * minuteMs)
    const tree = await world.rest()
    expect([tree.get('report'), tree.get('q/3')]).toEqual(['file the report', 'file project 3'])
  })

  it('ends where a file that is to come back is a folder by now', async () => {
    await share(b)
    a.write('notes', 'notes')
    await world.rest()
    b.remove('d')
    await world.clock.pass(10_000)
    b.remove('notes')
    b.write('notes/today', 'new text')
    await world.clock.pass(10_000)
    expect(heldAt(b)).toEqual([count + 1])
    await b.replica.guard.reject()
    await world.clock.pass(3 * minuteMs)
    const tree = await world.rest()
    expect([tree.get('notes/today'), tree.get('d/0/0'), heldAt(b)]).toEqual(['file new text', 'file text 0', []])
  })

  it('comes back from a device that is there only after others have been asked in vain', async () => {
    await share(a)
    await away(a)
    world.network.partition(b.id, c.id)
    b.remove('d')
    const d = await world.add('delta')
    world.network.partition(a.id, d.id)
    world.network.partition(c.id, d.id)
    await world.clock.pass(10_000)
    await b.replica.guard.reject()
    await world.clock.pass(5 * minuteMs)
    expect(b.tree().size).toBe(4)
    world.network.heal(a.id, b.id)
    await world.clock.pass(5 * minuteMs)
    for (const device of [b, d]) expect(device.tree()).toEqual(a.tree())
    expect(heldAt(b)).toEqual([])
  })

  it('comes back while somebody saves all the time', async () => {
    await share(a)
    b.remove('d')
    await world.clock.pass(10_000)
    await b.replica.guard.reject()
    for (let i = 0; i < 1200; i++) {
      b.write('log', `line ${i}`)
      await world.clock.pass(100)
    }
    expect([...b.tree().values()].filter((what) => what.startsWith('file text'))).toHaveLength(count)
  })
})
