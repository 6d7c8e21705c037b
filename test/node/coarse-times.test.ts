import { afterEach, beforeEach, expect, it } from 'vitest'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

let world: ReplicaWorld
let a: WorldDevice
let b: WorldDevice

beforeEach(async () => {
  world = new ReplicaWorld()
  a = await world.add('alpha')
  b = await world.add('beta')
  await world.clock.pass(1230)
})

afterEach(() => world.stop())

/** As a FAT of today keeps its times, which has one for both. */
function saveOnFat(path: string, text: string): void {
  a.isDeaf = true
  a.write(path, text)
  const inode = a.disk.inodeOf(`/home/folder/${path}`)
  inode.mtimeNs -= inode.mtimeNs % 2_000_000_000n
  inode.ctimeNs = inode.mtimeNs
  a.isDeaf = false
  a.hint(path)
}

it('a save that leaves size and times as they were is found where a disk keeps times to two seconds only', async () => {
  for (let second = 0; second < 3; second++) {
    saveOnFat('notes', `first ${second}`)
    await world.clock.pass(300)
    saveOnFat('notes', `again ${second}`)
    await world.clock.pass(10_000)
    expect(b.tree().get('notes')).toBe(`file again ${second}`)
  }
  await world.rest()
})
