import { beforeEach, expect, it } from 'vitest'
import type { ScrubFolder } from '../../src/node/scrub-folder.ts'
import type { ScrubNote } from '../../src/node/scrub-notes.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { MemoryNote } from '../twins/memory-note.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'
import * as scrubs from './scrub-world.ts'
import { dayMs, minuteMs, root, rot, textOf } from './scrub-world.ts'

let world: ReplicaWorld
let laptop: WorldDevice
let desk: WorldDevice
let kept: MemoryNote<ScrubNote>
beforeEach(async () => {
  world = new ReplicaWorld()
  laptop = await world.add('laptop')
  desk = await world.add('desk')
  kept = new MemoryNote()
})

const scrubOf = (device: WorldDevice): Promise<ScrubFolder> => scrubs.scrubOf(world, device, kept)
const scrubbed = (scrub: ScrubFolder): ReturnType<typeof scrubs.scrubbed> => scrubs.scrubbed(world, scrub)
const shared = (files: Readonly<Record<string, string>>): Promise<void> => scrubs.share(world, desk, files)

it('finds nothing where nothing is wrong, and reads all', async () => {
  await shared({ 'a/one.txt': 'first', 'two.txt': textOf(300_000), empty: '' })
  const scrub = await scrubOf(laptop)
  expect(await scrubbed(scrub)).toMatchObject({ files: 3, bytes: 300_005, damaged: 0, repaired: 0, unrepaired: [] })
  await scrub.stop()
})

it('sets a damaged file aside and puts the right bytes of a peer in its place, with its old time', async () => {
  await shared({ 'a.txt': 'precious' })
  const before = laptop.disk.lstat(`${root}/a.txt`)
  const { seq } = laptop.replica.index
  rot(laptop, 'a.txt')
  const scrub = await scrubOf(laptop)
  expect(await scrubbed(scrub)).toMatchObject({ damaged: 1, repaired: 1, unrepaired: [] })
  expect(laptop.tree().get('a.txt')).toBe('file precious')
  const after = laptop.disk.lstat(`${root}/a.txt`)
  expect(after).toMatchObject({ mtimeNs: (before as { mtimeNs: bigint }).mtimeNs })
  expect(
    [...laptop.history().values()].filter((what) => what.startsWith('file p') && what !== 'file precious'),
  ).toHaveLength(1)
  // Nobody is told of anything, also when the folder is looked at again.
  laptop.overflow()
  await world.rest()
  expect(laptop.replica.index.seq).toBe(seq)
  expect(desk.tree().get('a.txt')).toBe('file precious')
  await scrub.stop()
})

it('fetches only the blocks that are damaged', async () => {
  const text = textOf(1_500_000)
  await shared({ big: text })
  rot(laptop, 'big', 700_000)
  const scrub = await scrubOf(laptop)
  const received: number[] = []
  const add = laptop.replica.view.received.add.bind(laptop.replica.view.received)
  laptop.replica.view.received.add = (bytes) => {
    received.push(bytes)
    add(bytes)
  }
  expect(await scrubbed(scrub)).toMatchObject({ damaged: 1, repaired: 1 })
  expect(laptop.tree().get('big')).toBe(`file ${text}`)
  const sum = received.reduce((all, bytes) => all + bytes, 0)
  expect(sum).toBeGreaterThan(0)
  expect(sum).toBeLessThan(500_000)
  await scrub.stop()
})

it('leaves a file that nobody can repair where it is, says so, and repairs it when a device comes', async () => {
  await shared({ 'a.txt': 'precious' })
  world.network.disconnect(desk.id)
  await desk.stop()
  rot(laptop, 'a.txt')
  const damaged = laptop.tree().get('a.txt')
  const scrub = await scrubOf(laptop)
  expect(await scrubbed(scrub)).toMatchObject({ damaged: 1, repaired: 0, unrepaired: [{ path: 'a.txt' }] })
  expect(laptop.tree().get('a.txt')).toBe(damaged)
  const { problems, problemCount } = laptop.replica.view.status()
  expect(problemCount).toBe(1)
  expect(problems[0]!.reason).toContain('damaged on this disk')
  await scrub.stop()
  // The next run of the node knows it still.
  const next = await scrubOf(laptop)
  expect(next.problems()).toHaveLength(1)
  await desk.start()
  await world.rest()
  await world.clock.run(() => next.problems().length === 0, 5 * minuteMs)
  expect(laptop.tree().get('a.txt')).toBe('file precious')
  expect(laptop.replica.view.status().problemCount).toBe(0)
  await next.stop()
})

it('never serves or publishes damage', async () => {
  await shared({ 'a.txt': 'precious' })
  rot(desk, 'a.txt')
  const third = await world.add('third')
  await world.clock.pass(minuteMs)
  expect(third.tree().get('a.txt')).toBe('file precious')
  desk.overflow()
  await world.clock.pass(minuteMs)
  expect([laptop, third].map((device) => device.tree().get('a.txt'))).toEqual(['file precious', 'file precious'])
})

it('looks at once at a file that was asked for and did not hold what it should', async () => {
  await shared({ 'a.txt': 'precious' })
  const scrub = await scrubOf(desk)
  rot(desk, 'a.txt')
  scrub.suspect('a.txt' as never)
  await world.clock.run(() => scrub.status().repaired === 1, minuteMs)
  expect(desk.tree().get('a.txt')).toBe('file precious')
  await scrub.stop()
})

it('remembers what is surely damaged over a restart, however lately it was changed', async () => {
  await shared({ 'a.txt': 'precious' })
  world.network.disconnect(desk.id)
  await desk.stop()
  laptop.write('b.txt', 'of a moment ago')
  await world.clock.pass(1000)
  rot(laptop, 'b.txt')
  const scrub = await scrubOf(laptop)
  expect(await scrub.lookAfter(['b.txt' as never])).toEqual(['b.txt'])
  await scrub.stop()
  const next = await scrubOf(laptop)
  const isTried = (): boolean => next.problems()[0]!.reason.includes('no other device is connected')
  expect(await world.clock.run(isTried, minuteMs)).toBe(true)
  expect(next.problems()).toMatchObject([{ path: 'b.txt' }])
  await next.stop()
})

it('is told of blocks that were not there by whoever serves them', async () => {
  await shared({ 'a.txt': 'precious' })
  rot(desk, 'a.txt')
  const suspects: string[] = []
  desk.replica.peers.onBlockAbsent((path) => suspects.push(path))
  rot(laptop, 'a.txt')
  const scrub = await scrubOf(laptop)
  expect(await scrubbed(scrub)).toMatchObject({ damaged: 1, repaired: 0 })
  expect(suspects).toContain('a.txt')
  await scrub.stop()
})

it('takes no edit for damage, however the times were set', async () => {
  await shared({ 'a.txt': 'precious' })
  laptop.isDeaf = true
  const before = laptop.disk.lstat(`${root}/a.txt`) as { mtimeNs: bigint }
  laptop.write('a.txt', 'PRECIOUS', { mtimeMs: Number(before.mtimeNs / 1_000_000n) })
  await world.clock.pass(11 * minuteMs)
  const scrub = await scrubOf(laptop)
  expect(await scrubbed(scrub)).toMatchObject({ damaged: 0 })
  expect(laptop.tree().get('a.txt')).toBe('file PRECIOUS')
  laptop.overflow()
  await world.rest()
  expect(desk.tree().get('a.txt')).toBe('file PRECIOUS')
  await scrub.stop()
})

it('takes a disk that keeps no executable bit for none that is damaged', async () => {
  await shared({ 'a.txt': 'precious' })
  laptop.disk.quietly(() => laptop.disk.setPathMode(`${root}/a.txt`, 0o755))
  const [look] = await new DiskFileTasks({ disk: laptop.disk, root }).lstat(['a.txt' as never])
  await laptop.replica.index.updateDisk([{ path: look!.path, disk: look!.disk! }])
  await world.clock.pass(11 * minuteMs)
  const scrub = await scrubOf(laptop)
  expect(await scrubbed(scrub)).toMatchObject({ files: 1, damaged: 0 })
  await scrub.stop()
})

it('leaves alone what was written a moment ago: a mapping may be ahead of its times', async () => {
  desk.write('a.txt', 'precious')
  await world.rest()
  rot(laptop, 'a.txt')
  const scrub = await scrubOf(laptop)
  expect(await scrubbed(scrub)).toMatchObject({ damaged: 0, files: 0, skipped: 1 })
  await scrub.stop()
})

it('goes on after a restart where it was', async () => {
  await shared(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`file ${i}`, textOf(60_000)])))
  let scrub = await scrubOf(laptop)
  scrub.begin()
  await world.clock.run(() => scrub.status().files === 7, dayMs)
  expect(scrub.status().running).toBe(true)
  await scrub.stop()
  scrub = await scrubOf(laptop)
  expect(scrub.status()).toMatchObject({ running: true, files: 7 })
  await world.clock.run(() => !scrub.status().running, dayMs)
  expect(scrub.status()).toMatchObject({ files: 20, bytes: 1_200_000, damaged: 0 })
  await scrub.stop()
})

it('begins by itself at some time of the first month, then each month', async () => {
  await shared({ 'a.txt': 'precious' })
  const clock = world.clock.view()
  let scrub = await scrubOf(laptop)
  expect(scrub.status().nextAt).toBeGreaterThanOrEqual(clock.now())
  expect(scrub.status().nextAt).toBeLessThanOrEqual(clock.now() + 30 * dayMs)
  await scrub.stop()
  kept.note = { ...kept.note!, nextAt: clock.now() + 2 * minuteMs }
  scrub = await scrubOf(laptop)
  await world.clock.pass(minuteMs)
  expect(scrub.status().finishedAt).toBeNull()
  await world.clock.pass(3 * minuteMs)
  const { finishedAt, nextAt, files } = scrub.status()
  expect(files).toBe(1)
  expect((nextAt! - finishedAt!) / dayMs).toBeGreaterThanOrEqual(27)
  expect((nextAt! - finishedAt!) / dayMs).toBeLessThanOrEqual(33)
  scrub.change({ everyDays: 7 })
  expect((scrub.status().nextAt! - finishedAt!) / dayMs).toBeLessThanOrEqual(8)
  scrub.change({ everyDays: 0 })
  expect(scrub.status().nextAt).toBeNull()
  await scrub.stop()
})

it('reads no faster than it may, and can be stopped', async () => {
  await shared({ big: textOf(1024 * 1024) })
  const scrub = await scrubOf(laptop)
  const start = world.clock.view().monotonic()
  await scrubbed(scrub)
  expect(world.clock.view().monotonic() - start).toBeGreaterThanOrEqual(60)
  scrub.begin()
  await world.clock.pass(10)
  scrub.halt()
  await world.clock.pass(1000)
  expect(scrub.status()).toMatchObject({ running: false, files: 0 })
  // One that had begun by itself is not begun again at once.
  await scrub.stop()
  kept.note = { ...kept.note!, nextAt: 0 }
  const next = await scrubOf(laptop)
  expect(next.status().running).toBe(true)
  next.halt()
  await world.clock.pass(2 * minuteMs)
  expect(next.status()).toMatchObject({ running: false, files: 0 })
  await next.stop()
})

it('waits while the folder is away', async () => {
  await shared({ 'a.txt': 'precious', 'b.txt': 'too' })
  const marker = `${root}/.p2psync/folder.json`
  const text = laptop.disk.readText(marker)
  laptop.disk.quietly(() => laptop.disk.unlink(marker))
  await world.clock.run(() => laptop.replica.view.status().state === 'stopped', minuteMs)
  const scrub = await scrubOf(laptop)
  scrub.begin()
  await world.clock.pass(minuteMs)
  expect(scrub.status()).toMatchObject({ running: true, files: 0 })
  laptop.disk.writeFile(marker, text)
  await world.clock.run(() => !scrub.status().running, dayMs)
  expect(scrub.status()).toMatchObject({ files: 2, damaged: 0 })
  await scrub.stop()
})
