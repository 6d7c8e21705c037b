import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { ForgetTombstones } from '../../src/node/forget-tombstones.ts'
import { SerialQueue } from '../../src/node/serial-queue.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { countingRandom, deviceTag, recordOf } from '../file-index/sample-records.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { SimulatedClock } from '../twins/simulated-clock.ts'

const hourMs = 60 * 60_000
const dayMs = 24 * hourMs
const root = '/home/folder'

describe('forgetting tombstones', () => {
  let clock: SimulatedClock
  let disk: MemoryDisk
  let index: FolderIndex
  let forgetting: ForgetTombstones
  let stopping: AbortController
  let isThere: boolean
  let isScanned: boolean
  let offMs: number
  let running: Promise<void>

  beforeEach(async () => {
    clock = new SimulatedClock()
    disk = new MemoryDisk()
    disk.makeFolders(root)
    stopping = new AbortController()
    isThere = true
    isScanned = true
    offMs = 0
    const view = clock.view(() => offMs)
    index = await FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
    const mtimeNs = BigInt(Math.round(view.now())) * 1_000_000n
    await index.commit(['a', 'b', 'c'].map((path) => ({ record: recordOf(path, { mtimeNs }), disk: null })))
    forgetting = new ForgetTombstones({
      index,
      tasks: new DiskFileTasks({ disk, root }),
      clock: view,
      logger: silentLogger,
      commits: new SerialQueue(),
      signal: stopping.signal,
      isFolderThere: async () => isThere,
      onChange: () => undefined,
    })
    await forgetting.load()
    running = forgetting.run(() => isScanned)
  })
  afterEach(async () => {
    stopping.abort()
    await clock.during(running)
  })

  const left = async (): Promise<string[]> => {
    const rows = await index.getMany(['a', 'b', 'c'] as RelativePath[])
    return rows.flatMap((row) => (row === null ? [] : [row.record.path]))
  }

  it('takes those that are a week old, and no younger ones', async () => {
    await clock.pass(6 * dayMs)
    expect(await left()).toEqual(['a', 'b', 'c'])
    await clock.pass(1.5 * dayMs)
    expect(await left()).toEqual([])
  })

  it('leaves that of a path where something is again, which no scan has seen', async () => {
    disk.writeFile(`${root}/b`, 'back')
    // Of which there will be no version.
    disk.makeOther(`${root}/c`)
    await clock.pass(8 * dayMs)
    expect(await left()).toEqual(['b'])
  })

  it('takes none while the folder is away', async () => {
    isThere = false
    await clock.pass(8 * dayMs)
    expect(await left()).toEqual(['a', 'b', 'c'])
    isThere = true
    await clock.pass(dayMs)
    expect(await left()).toEqual([])
  })

  it('takes none before the folder was looked at', async () => {
    const sinceMidnightMs = clock.view().now() % dayMs
    await clock.pass(7 * dayMs - sinceMidnightMs - hourMs)
    isScanned = false
    await clock.pass(2 * hourMs)
    expect(await left()).toEqual(['a', 'b', 'c'])
    isScanned = true
    await clock.pass(hourMs)
    expect(await left()).toEqual([])
  })

  it('takes none for a day after the clock has leapt', async () => {
    await clock.pass(2 * dayMs)
    offMs = 300 * dayMs
    await clock.pass(0.9 * dayMs)
    expect(await left()).toEqual(['a', 'b', 'c'])
    await clock.pass(1.2 * dayMs)
    expect(await left()).toEqual([])
  })

  it('takes none that a device which was told of our log has not acknowledged', async () => {
    await index.setPeerState('12D3KooWpeer' as never, { epoch: '12'.repeat(8), seq: 3 })
    await clock.pass(8 * dayMs)
    expect(await left()).toEqual(['a', 'b', 'c'])
    await index.forgetNotes.setAck('12D3KooWpeer' as never, 2)
    await clock.pass(dayMs)
    expect(await left()).toEqual(['c'])
  })
})
