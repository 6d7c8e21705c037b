import { beforeEach, expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import type { ScrubFolder } from '../../src/node/scrub-folder.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'
import { minuteMs, root, rot, scrubbed, scrubOf, share, textOf } from './scrub-world.ts'

let world: ReplicaWorld
let laptop: WorldDevice
let desk: WorldDevice
beforeEach(async () => {
  world = new ReplicaWorld()
  laptop = await world.add('laptop')
  desk = await world.add('desk')
})

async function scrub(device: WorldDevice): Promise<ReturnType<ScrubFolder['status']>> {
  const folder = await scrubOf(world, device)
  const status = await scrubbed(world, folder)
  await folder.stop()
  return status
}

it('puts neither a block in place that a copy of the file has no more, nor one of nobody', async () => {
  await share(world, desk, { 'a.txt': 'precious', 'b.txt': 'precious' })
  for (const path of ['a.txt', 'b.txt']) rot(laptop, path)
  expect(await scrub(laptop)).toMatchObject({ damaged: 2, repaired: 2 })
  expect([...laptop.tree().values()]).toEqual(['file precious', 'file precious'])
})

it.each(['a.txt', 'b.txt', 'big/a', 'big/b'])(
  'takes a good copy of the same disk for %s where no peer is connected',
  async (path) => {
    const big = textOf(300_000)
    await share(world, desk, { 'a.txt': 'precious', 'b.txt': 'precious', 'big/a': big, 'big/b': big })
    await desk.stop()
    const before = laptop.tree()
    rot(laptop, path)
    expect(await scrub(laptop)).toMatchObject({ damaged: 1, repaired: 1 })
    expect(laptop.tree()).toEqual(before)
  },
)

it('leaves a large file as it is when the peers have lost the same block, and nothing staged', async () => {
  const text = textOf(1_500_000)
  await share(world, desk, { big: text })
  for (const device of [laptop, desk]) rot(device, 'big', 700_000)
  const before = laptop.tree().get('big')
  expect(await scrub(laptop)).toMatchObject({ damaged: 1, repaired: 0, unrepaired: [{ path: 'big' }] })
  expect(laptop.tree().get('big')).toBe(before)
  expect(laptop.staged().size).toBe(0)
})

it('asks for a file that is damaged on both devices now and then only, and repairs it once a third one has it', async () => {
  await share(world, desk, { 'a.txt': 'precious' })
  for (const device of [laptop, desk]) rot(device, 'a.txt')
  const scrubs = [await scrubOf(world, laptop), await scrubOf(world, desk)]
  for (const folder of scrubs) folder.begin()
  await world.clock.pass(minuteMs)
  const { framesSent } = world.network
  await world.clock.pass(10.5 * minuteMs)
  expect(world.network.framesSent - framesSent).toBeLessThan(40)
  const tablet = await world.add('tablet')
  tablet.write('a.txt', 'precious')
  await world.clock.pass(10 * minuteMs)
  expect([laptop, desk].map((device) => device.tree().get('a.txt'))).toEqual(['file precious', 'file precious'])
  for (const folder of scrubs) await folder.stop()
})

it('changes nothing of a damaged file before it is replaced: a kill right then would make an edit of it', async () => {
  await share(world, desk, { 'a.txt': 'precious' })
  rot(laptop, 'a.txt')
  const calls: string[] = []
  laptop.disk.onCall = (operation, path) => {
    if (path.includes('/history/')) calls.push(operation)
  }
  expect(await scrub(laptop)).toMatchObject({ damaged: 1, repaired: 1 })
  expect([calls.includes('copyFile'), calls.includes('hardLink')]).toEqual([true, false])
})

it('repairs a program that can be run then as before', async () => {
  desk.write('run', 'precious', { mode: 0o755 })
  await share(world, desk, {})
  rot(laptop, 'run')
  expect(await scrub(laptop)).toMatchObject({ repaired: 1 })
  expect(laptop.tree().get('run')).toBe('file precious executable')
})

it('never takes the place of an edit that came while it was repaired', async () => {
  await share(world, desk, { 'a.txt': 'precious' })
  rot(laptop, 'a.txt')
  laptop.isDeaf = true
  let isEdited = false
  laptop.disk.onCall = (operation, path) => {
    if (isEdited || operation !== 'create' || !path.includes('/staging/')) return
    isEdited = true
    laptop.write('a.txt', 'edited')
  }
  expect(await scrub(laptop)).toMatchObject({ damaged: 1, repaired: 0, unrepaired: [{ path: 'a.txt' }] })
  expect([isEdited, laptop.tree().get('a.txt')]).toEqual([true, 'file edited'])
  laptop.overflow()
  expect((await world.rest()).get('a.txt')).toBe('file edited')
})

it('repairs a file of which the disk gives an error for bytes', async () => {
  await share(world, desk, { 'a.txt': 'precious' })
  const { inode } = laptop.disk.lstat(`${root}/a.txt`) as { inode: bigint }
  const read = laptop.disk.read.bind(laptop.disk)
  laptop.disk.read = (handle, target, position) => {
    const entry = laptop.disk.fstat(handle)
    if (entry.kind === 'file' && entry.inode === inode) throw new DiskError('EIO', 'a.txt')
    return read(handle, target, position)
  }
  expect(await scrub(laptop)).toMatchObject({ damaged: 1, repaired: 1 })
  expect(laptop.tree().get('a.txt')).toBe('file precious')
  expect((laptop.disk.lstat(`${root}/a.txt`) as { inode: bigint }).inode).not.toBe(inode)
})

it('looks after what a peer has asked for in vain, as soon as somebody has it', async () => {
  await share(world, desk, { 'a.txt': 'precious' })
  const folder = await scrubOf(world, desk)
  await laptop.stop()
  rot(desk, 'a.txt')
  await world.add('third')
  await world.clock.run(() => folder.problems().length === 1, 60_000)
  expect(folder.problems()).toMatchObject([{ path: 'a.txt' }])
  await laptop.start()
  await world.clock.run(() => folder.problems().length === 0, 120_000)
  expect(desk.tree().get('a.txt')).toBe('file precious')
  await folder.stop()
})
