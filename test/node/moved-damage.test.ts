import { expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import type { ScrubFolder } from '../../src/node/scrub-folder.ts'
import type { ScrubNote } from '../../src/node/scrub-notes.ts'
import { MemoryNote } from '../twins/memory-note.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'
import { minuteMs, newScrub, rot, scrubbed, scrubOf, share } from './scrub-world.ts'

const moves = [
  { name: 'a folder, by its user', by: 'laptop', from: 'd', to: 'e', file: 'e/a.txt' },
  { name: 'a file, by its user', by: 'laptop', from: 'd/a.txt', to: 'd/c.txt', file: 'd/c.txt' },
  { name: 'a folder, on another device', by: 'desk', from: 'd', to: 'e', file: 'e/a.txt' },
  { name: 'a file, on another device', by: 'desk', from: 'd/a.txt', to: 'd/c.txt', file: 'd/c.txt' },
] as const

it.each(moves)('what is known to be damaged is repaired where it has moved: $name', async ({ by, from, to, file }) => {
  const world = new ReplicaWorld()
  const devices = { laptop: await world.add('laptop'), desk: await world.add('desk') }
  const { laptop, desk } = devices
  await share(world, desk, { 'd/a.txt': 'precious', 'd/b.txt': 'more' })
  rot(laptop, 'd/a.txt')
  const rotten = laptop.tree().get('d/a.txt')
  await laptop.replica.recovery.damage.add([parseRelativePath('d/a.txt')], async () => undefined)
  devices[by].rename(from, to)
  await world.clock.pass(minuteMs)
  expect([laptop.tree().get(file), desk.tree().get(file)]).toEqual([rotten, 'file precious'])
  const scrub = await scrubOf(world, laptop)
  await world.clock.run(() => scrub.status().repaired > 0, minuteMs)
  expect([laptop.tree().get(file), scrub.problems()]).toEqual(['file precious', []])
  await scrub.stop()
})

it('what is known to be damaged is repaired where it is kept as the loser of a conflict', async () => {
  const world = new ReplicaWorld()
  const [a, b, c] = [await world.add('alpha'), await world.add('beta'), await world.add('gamma')]
  await share(world, a, { 'a.txt': 'first' })
  for (const other of [a, c]) world.network.partition(b.id, other.id)
  a.write('a.txt', 'edited by alpha')
  await world.clock.pass(11 * minuteMs)
  world.network.partition(a.id, c.id)
  rot(a, 'a.txt')
  await a.replica.recovery.damage.add([parseRelativePath('a.txt')], async () => undefined)
  const scrub = await scrubOf(world, a)
  b.write('a.txt', 'edited by beta')
  await world.clock.pass(minuteMs)
  world.network.heal()
  await world.clock.pass(70 * minuteMs)
  const tree = await world.rest()
  expect([...tree.values()].sort()).toEqual(['file edited by alpha', 'file edited by beta'])
  await world.clock.during(scrub.stop())
})

it('what an earlier run has noted as damaged is known at its new path, where it moves right after the start', async () => {
  const world = new ReplicaWorld()
  const notes = new MemoryNote<ScrubNote>()
  let scrub: ScrubFolder | null = null
  const beforeStart = async (device: WorldDevice): Promise<void> => {
    scrub = newScrub(world, device, notes)
    await scrub.load()
  }
  const laptop = await world.add('laptop', { beforeStart })
  const desk = await world.add('desk')
  await share(world, desk, { 'd/a.txt': 'precious', 'd/b.txt': 'more' })
  rot(laptop, 'd/a.txt')
  world.network.partition(laptop.id, desk.id)
  await scrub!.start()
  await scrubbed(world, scrub!)
  expect(notes.note?.unrepaired).toEqual(['d/a.txt'])
  await world.clock.during(scrub!.stop())
  await laptop.stop()
  world.network.heal()
  desk.rename('d', 'e')
  await world.clock.pass(minuteMs)
  await laptop.start()
  await world.clock.pass(minuteMs)
  expect(laptop.tree().has('e/a.txt')).toBe(true)
  await scrub!.start()
  await world.clock.pass(minuteMs)
  expect([laptop.tree().get('e/a.txt'), scrub!.problems()]).toEqual(['file precious', []])
  await world.clock.during(scrub!.stop())
})

it('a damaged file whose folder moves while it is repaired is repaired there', async () => {
  const world = new ReplicaWorld()
  const [laptop, desk] = [await world.add('laptop'), await world.add('desk')]
  await share(world, desk, { 'd/a.txt': 'precious', 'd/b.txt': 'more' })
  rot(laptop, 'd/a.txt')
  laptop.disk.onCall = (operation, path) => {
    if (operation !== 'create' || !path.includes('staging')) return
    laptop.disk.onCall = undefined
    laptop.rename('d', 'c')
  }
  const scrub = await scrubOf(world, laptop)
  scrub.begin()
  await world.clock.pass(5 * minuteMs)
  expect([laptop.disk.onCall, laptop.tree().get('c/a.txt'), scrub.problems()]).toEqual([undefined, 'file precious', []])
  await world.clock.during(scrub.stop())
})

it('a damaged file that cannot be looked at for once is no whole one', async () => {
  const world = new ReplicaWorld()
  const [laptop, desk] = [await world.add('laptop'), await world.add('desk')]
  await share(world, desk, { 'a.txt': 'precious' })
  world.network.partition(laptop.id, desk.id)
  rot(laptop, 'a.txt')
  await laptop.replica.recovery.damage.add([parseRelativePath('a.txt')], async () => undefined)
  laptop.disk.onCall = (operation, path) => {
    if (operation === 'openRead' && path.endsWith('/a.txt')) throw new DiskError('EMFILE', path)
  }
  const scrub = await scrubOf(world, laptop)
  await world.clock.pass(2 * minuteMs)
  expect(scrub.problems().map(({ path }) => path)).toEqual(['a.txt'])
  laptop.disk.onCall = undefined
  world.network.heal()
  await world.clock.pass(5 * minuteMs)
  expect([laptop.tree().get('a.txt'), scrub.problems()]).toEqual(['file precious', []])
  await world.clock.during(scrub.stop())
})
