import { expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import { MemoryBootNotes } from '../twins/memory-boot-notes.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const minuteMs = 60_000
const removal = (peer: WorldDevice): void => peer.remove('d')
const move = (peer: WorldDevice): void => peer.rename('d', 'e')

it.each([
  { change: removal, files: [], goesAway: false },
  { change: removal, files: [], goesAway: true },
  { change: move, files: ['e/0', 'e/1', 'e/2'], goesAway: false },
  { change: move, files: ['e/0', 'e/1', 'e/2'], goesAway: true },
])(
  'a $change.name of a folder by a peer that the disk cannot make durable is not told as done; the peer goes away: $goesAway',
  async ({ change, files, goesAway }) => {
    const world = new ReplicaWorld()
    let boot = 'first'
    const bootNotes = new MemoryBootNotes(() => boot)
    const options = { removedRowsMin: 1, guardLimits: null }
    const a = await world.add('alpha', { ...options, bootNotes })
    const b = await world.add('beta', options)
    for (let i = 0; i < 3; i++) b.write(`d/${i}`, `text ${i}`)
    await world.clock.pass(3 * minuteMs)
    a.disk.quietly(() => a.disk.syncFileSystem('/'))
    let failures = 0
    let isMoved = false
    a.disk.onCall = (operation, path) => {
      if (operation === 'rename') isMoved = true
      if (!isMoved || (operation !== 'syncFolder' && operation !== 'syncFileSystem')) return
      if (failures++ === 0 && goesAway) world.network.partition(a.id, b.id)
      throw new DiskError('EIO', path)
    }
    change(b)
    await world.clock.pass(3000)
    expect(failures).toBeGreaterThan(0)
    expect(a.replica.index.summary.files).toBe(3)
    a.die()
    a.disk.onCall = undefined
    // None of the names that no flush has reached.
    a.disk.crash()
    boot = 'second'
    await a.start()
    world.network.heal()
    await world.clock.pass(minuteMs)
    const left = [...(await world.rest())].filter(([, what]) => what.startsWith('file'))
    expect(left.map(([path]) => path)).toEqual(files)
  },
)
