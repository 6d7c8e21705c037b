import { afterEach, beforeEach, expect, it } from 'vitest'
import { MemoryBootNotes } from '../twins/memory-boot-notes.ts'
import { MemoryNote } from '../twins/memory-note.ts'
import { OrderedStore } from '../twins/ordered-store.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'
import { minuteMs, root, scrubOf } from './scrub-world.ts'

let world: ReplicaWorld
let a: WorldDevice
let b: WorldDevice
let store: OrderedStore
let boot: string

beforeEach(async () => {
  world = new ReplicaWorld()
  boot = 'first'
  const bootNotes = new MemoryBootNotes(() => boot)
  const newStore = (): OrderedStore => (store = new OrderedStore())
  a = await world.add('alpha', { bootNotes, damageNotes: new MemoryNote(), newStore })
  b = await world.add('beta')
  for (let i = 0; i < 20; i++) a.write(`old/${i}`, `first version ${i}`)
  await world.clock.pass(3 * minuteMs)
  makeDurable()
})

afterEach(() => world.stop())

function makeDurable(): void {
  a.disk.quietly(() => a.disk.syncFileSystem('/'))
  store.makeDurable()
}

/** `alpha` loses its power; `spoil` is what its disk has made of that. It meets its peer only after it has looked around. */
async function losePower(spoil: () => void, { namesStay = true } = {}): Promise<void> {
  a.die()
  if (namesStay) a.disk.syncNames()
  spoil()
  a.disk.crash((path) => namesStay || path.includes('.p2psync'))
  boot = 'second'
  world.network.partition(a.id, b.id)
  await a.start()
  await world.clock.pass(5000)
  world.network.heal(a.id, b.id)
  await world.clock.pass(minuteMs)
}

/** Names, sizes and times are in the journal before the bytes are on the disk. */
function empty(...paths: readonly string[]): void {
  for (const path of paths) a.disk.inodeOf(`${root}/${path}`).bytes = new Uint8Array(0)
}

it('take no good bytes anywhere where the index has lost the same seconds', async () => {
  a.write('new', 'a new file')
  a.write('old/1', 'second version of it')
  await world.clock.pass(5000)
  await losePower(() => {
    empty('new', 'old/1')
    store.cutPower(1)
  })
  for (const text of ['file a new file', 'file second version of it']) {
    expect([...b.tree().values()]).toContain(text)
    expect([...a.tree().values()]).toContain(text)
  }
})

it('are known as such where the index has lost when the file was last looked at', async () => {
  a.write('new', 'a new file')
  a.write('old/1', 'second version of it')
  a.write('unpacked', 'out of an archive', { mtimeMs: Date.UTC(2020, 1, 2) })
  // Something durable has come between: the second look at files that are hashed right after they were written has not.
  await world.clock.pass(20)
  store.makeDurable()
  await world.clock.pass(5000)
  await losePower(() => {
    empty('new', 'old/1', 'unpacked')
    store.cutPower(1)
  })
  expect(['new', 'old/1', 'unpacked'].map((path) => b.tree().get(path))).toEqual([
    'file a new file',
    'file second version of it',
    'file out of an archive',
  ])
  expect(a.replica.view.status().problems.map(({ path }) => path)).toEqual(['new', 'old/1', 'unpacked'])
})

it('are known as such also by the second look, where the start comes right after the write', async () => {
  a.write('new', 'a new file')
  await world.clock.pass(5)
  expect(b.tree().get('new')).toBe('file a new file')
  await losePower(() => empty('new'))
  expect(b.tree().get('new')).toBe('file a new file')
  expect(a.replica.view.status().problems.map(({ path }) => path)).toEqual(['new'])
})

it.each([
  ['of the same length', 'first version X'],
  ['that is longer', 'a longer second version'],
  ['that is shorter', 'short'],
  ['that is the beginning of the first', 'first'],
  ['that is empty', ''],
])('in place, of a version %s, are no edit that goes back', async (_, text) => {
  const inode = a.disk.inodeOf(`${root}/old/1`)
  const { ctimeNs, mtimeNs } = inode
  const bytes = inode.bytes.slice()
  a.write('old/1', text)
  await world.clock.pass(5000)
  store.makeDurable()
  expect(b.tree().get('old/1')).toBe(`file ${text}`)
  await losePower(() => Object.assign(inode, { ctimeNs, mtimeNs, bytes }))
  expect(b.tree().get('old/1')).toBe(`file ${text}`)
})

it.each([
  ['is empty', ''],
  ['began with the same bytes', 'first version'],
  ['held the same bytes', 'first version 1'],
])('in place, of a version that %s, are brought back with its time and mode', async (_, text) => {
  const inode = a.disk.inodeOf(`${root}/old/1`)
  const { ctimeNs, mtimeNs, mode } = inode
  const bytes = inode.bytes.slice()
  a.write('old/1', text)
  a.chmod('old/1', 0o755)
  await world.clock.pass(5000)
  store.makeDurable()
  await losePower(() => Object.assign(inode, { ctimeNs, mtimeNs, mode, bytes }))
  await repairOne()
  for (const device of [a, b]) expect(device.tree().get('old/1')).toBe(`file ${text} executable`)
  expect(mtimeOf(a)).toBe(mtimeOf(b))
  expect(mtimeOf(a)).toBeGreaterThan(mtimeNs)
})

it('of a name, of a version with the same time that is shorter, are brought back', async () => {
  a.save('old/1', 'first version')
  a.disk.inodeOf(`${root}/old/1`).mtimeNs = mtimeOf(b)
  await world.clock.pass(5000)
  store.makeDurable()
  await losePower(() => undefined, { namesStay: false })
  expect(a.tree().get('old/1')).toBe('file first version 1')
  await repairOne()
  expect([a.tree().get('old/1'), b.tree().get('old/1')]).toEqual(['file first version', 'file first version'])
})

/** What `alpha` knows to be damaged is repaired without being asked for. */
async function repairOne(): Promise<void> {
  const scrub = await scrubOf(world, a)
  await world.clock.run(() => scrub.status().repaired === 1, minuteMs)
  await world.clock.during(scrub.stop())
}

function mtimeOf({ disk }: WorldDevice): bigint {
  return disk.quietly(() => disk.inodeOf(`${root}/old/1`).mtimeNs)
}

it('of names are known as such soon after the index has counted anew', async () => {
  await world.clock.during(a.replica.onRestoredDatabase())
  a.write('new', 'saved a moment ago')
  a.save('old/1', 'a newer version of it')
  await world.clock.pass(40_000)
  store.makeDurable()
  await losePower(() => undefined, { namesStay: false })
  expect([b.tree().get('new'), b.tree().get('old/1')]).toEqual([
    'file saved a moment ago',
    'file a newer version of it',
  ])
})
