import { beforeEach, expect, it } from 'vitest'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { MemoryBootNotes } from '../twins/memory-boot-notes.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'
import { root } from './scrub-world.ts'

let world: ReplicaWorld
let a: WorldDevice
let b: WorldDevice
let isAway: boolean
let scanMs: number

beforeEach(async () => {
  world = new ReplicaWorld()
  ;[isAway, scanMs] = [false, 0]
  class Tasks extends DiskFileTasks {
    override readMarker(): ReturnType<DiskFileTasks['readMarker']> {
      return isAway ? Promise.resolve(null) : super.readMarker()
    }
    override async *scan(...args: Parameters<DiskFileTasks['scan']>): ReturnType<DiskFileTasks['scan']> {
      yield* super.scan(...args)
      if (scanMs > 0) await world.clock.view().sleep(scanMs)
    }
  }
  const bootNotes = new MemoryBootNotes(() => 'the only one')
  a = await world.add('alpha', { bootNotes, newTasks: (deps) => new Tasks(deps) })
  b = await world.add('beta')
  for (let i = 0; i < 20; i++) a.write(`old/${i}`, `first version ${i}`)
  await world.clock.pass(180_000)
  a.write('new', 'saved a moment ago')
  a.write('cut', 'saved a moment ago, too')
  await world.clock.pass(5000)
  isAway = true
})

function lose(path: string): void {
  a.disk.quietly(() => a.disk.unlink(`${root}/${path}`))
}

it('what a disk loses when it is pulled out is told to nobody as removed or edited', async () => {
  // However long it stays away.
  await world.clock.pass(300_000)
  expect(a.replica.view.status().state).toBe('stopped')
  lose('new')
  lose('old/3')
  a.disk.inodeOf(`${root}/cut`).bytes = new Uint8Array(0)
  isAway = false
  await world.clock.pass(60_000)
  for (const device of [a, b]) {
    // What was on the disk for long somebody has removed.
    expect([device.tree().get('new'), device.tree().get('old/3')]).toEqual(['file saved a moment ago', undefined])
  }
  expect([a.tree().get('cut'), b.tree().get('cut')]).toEqual(['file ', 'file saved a moment ago, too'])
  await world.stop()
})

it('nor is it by a look that has gone on over that', async () => {
  lose('new')
  scanMs = 20_000
  a.overflow()
  await world.clock.pass(8000)
  expect(a.replica.view.status().state).toBe('stopped')
  isAway = false
  await world.clock.pass(60_000)
  for (const device of [a, b]) expect(device.tree().get('new')).toBe('file saved a moment ago')
  await world.stop()
})
