import { expect, it } from 'vitest'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { ReplicaWorld } from './replica-world.ts'
import { minuteMs, rot, scrubOf, share } from './scrub-world.ts'

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
