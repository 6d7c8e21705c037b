import { expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import { ReplicaWorld } from './replica-world.ts'
import { minuteMs, rot, scrubOf, share } from './scrub-world.ts'

it.each(['kill', 'disk error'])(
  'a mode that a peer has set makes no edit of damage, when a %s comes before it is known here',
  async (what) => {
    const world = new ReplicaWorld()
    const [a, b] = [await world.add('alpha'), await world.add('beta')]
    await share(world, b, { 'a.txt': 'precious', 'b.txt': 'more' })
    rot(a, 'a.txt')
    const rotten = a.tree().get('a.txt')
    let isSet = false
    let hasFailed = false
    a.disk.onCall = (operation, path) => {
      if (operation === 'setMtime') isSet = true
      if (!isSet || hasFailed || (operation !== 'sync' && operation !== 'syncFileSystem')) return
      hasFailed = true
      if (what === 'kill') a.die()
      throw new DiskError('EIO', path)
    }
    b.chmod('a.txt', 0o755)
    await world.clock.pass(1000)
    expect(hasFailed).toBe(true)
    a.disk.onCall = undefined
    if (what === 'kill') await a.restart()
    await world.clock.pass(12 * minuteMs)
    expect([a.tree().get('a.txt'), b.tree().get('a.txt')]).toEqual([`${rotten} executable`, 'file precious executable'])
    const scrub = await scrubOf(world, a)
    scrub.begin()
    await world.clock.run(() => !scrub.status().running, 60 * minuteMs)
    expect((await world.rest()).get('a.txt')).toBe('file precious executable')
    await world.clock.during(scrub.stop())
  },
)

it.each(['replaces', 'replaces by a link', 'removes'])(
  'what a peer %s, and could not be taken away here at once, makes no edit of damage',
  async (what) => {
    const world = new ReplicaWorld()
    const [a, b] = [await world.add('alpha'), await world.add('beta')]
    await share(world, b, { 'a.txt': 'precious', 'b.txt': 'more' })
    rot(a, 'a.txt')
    let hasName = false
    let hasFailed = false
    a.disk.onCall = (operation, path) => {
      if (operation === 'hardLink' || (operation === 'rename' && path.includes('/history/'))) hasName = true
      else if (hasName && !hasFailed) {
        hasFailed = true
        throw new DiskError('EMFILE', path)
      }
    }
    if (what !== 'replaces') b.remove('a.txt')
    if (what === 'replaces') b.write('a.txt', 'changed')
    if (what === 'replaces by a link') b.link('a.txt', 'b.txt')
    await world.clock.pass(60_000)
    expect(hasFailed).toBe(true)
    const there = { replaces: 'file changed', 'replaces by a link': 'symlink b.txt', removes: undefined }[what]
    const tree = await world.rest()
    expect([[...tree.keys()], tree.get('a.txt')]).toEqual([there === undefined ? ['b.txt'] : ['a.txt', 'b.txt'], there])
  },
)

it('another file with the time that a peer has set is none that was there before, though the node was killed', async () => {
  const world = new ReplicaWorld()
  const [a, b] = [await world.add('alpha'), await world.add('beta')]
  await share(world, b, { 'a.txt': 'precious' })
  let isDead = false
  a.disk.onCall = (operation, path) => {
    if (operation !== 'setMtime') return
    a.disk.onCall = undefined
    isDead = true
    a.die()
    throw new DiskError('EIO', path)
  }
  const mtimeMs = 1_500_000_000_000
  b.write('a.txt', 'precious', { mtimeMs })
  await world.clock.pass(1000)
  expect(isDead).toBe(true)
  a.remove('a.txt')
  a.write('a.txt', 'replaced', { mtimeMs })
  await a.restart()
  const tree = await world.rest()
  expect([...tree.values()].filter((text) => text.startsWith('file replaced'))).toHaveLength(1)
})

it('an edit that comes right after a mode that a peer has set is one, though the node was killed', async () => {
  const world = new ReplicaWorld()
  const [a, b] = [await world.add('alpha'), await world.add('beta')]
  await share(world, b, { 'a.txt': 'precious' })
  a.disk.onCall = (operation, path) => {
    if (operation !== 'sync' && operation !== 'syncFileSystem') return
    a.disk.onCall = undefined
    a.die()
    throw new DiskError('EIO', path)
  }
  b.chmod('a.txt', 0o755)
  await world.clock.pass(1000)
  expect(a.isDead).toBe(true)
  a.write('a.txt', 'renewed.')
  await a.restart()
  const tree = await world.rest()
  expect([...tree.values()].filter((text) => text.startsWith('file renewed.'))).toHaveLength(1)
})
