import { expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { MemoryBootNotes } from '../twins/memory-boot-notes.ts'
import { MemoryNote } from '../twins/memory-note.ts'
import { OrderedStore } from '../twins/ordered-store.ts'
import { ReplicaWorld } from './replica-world.ts'
import { root } from './scrub-world.ts'

const minuteMs = 60_000

it.each(['', ', though it takes long to find out what was damaged', ', though the disk fails at first'])(
  'a name that a power cut took is told to nobody as removed when the folder comes only after the start%s',
  async (trouble) => {
    const world = new ReplicaWorld()
    let boot = 'first'
    let isAway = false
    let failures = 0
    class Tasks extends DiskFileTasks {
      override readMarker(): ReturnType<DiskFileTasks['readMarker']> {
        return isAway ? Promise.resolve(null) : super.readMarker()
      }
      override listStaged(): ReturnType<DiskFileTasks['listStaged']> {
        return failures-- > 0 ? Promise.reject(new DiskError('EIO', root)) : super.listStaged()
      }
    }
    class SlowNote extends MemoryNote<readonly string[]> {
      override async load(): Promise<readonly string[] | null> {
        if (boot === 'second' && trouble.includes('long')) await world.clock.view().sleep(1000)
        return super.load()
      }
    }
    const store = new OrderedStore()
    const a = await world.add('alpha', {
      bootNotes: new MemoryBootNotes(() => boot),
      damageNotes: new SlowNote(),
      newStore: () => store,
      newTasks: (deps) => new Tasks(deps),
    })
    const b = await world.add('beta')
    for (let i = 0; i < 20; i++) a.write(`old/${i}`, `first version ${i}`)
    await world.clock.pass(3 * minuteMs)
    a.write('new', 'saved a moment ago')
    await world.clock.pass(10_000)
    store.makeDurable()
    a.die()
    a.disk.quietly(() => a.disk.unlink(`${root}/new`))
    boot = 'second'
    // Its place is there, but not what is mounted on it.
    const started = a.start()
    isAway = true
    await started
    await world.clock.pass(10_000)
    expect(a.replica.view.status().state).toBe('stopped')
    if (trouble.includes('fails')) failures = 1
    isAway = false
    await world.clock.pass(2 * minuteMs)
    for (const device of [a, b]) expect(device.tree().get('new')).toBe('file saved a moment ago')
    expect([await world.rest(), failures <= 0]).toEqual([b.tree(), true])
    await world.stop()
  },
)
