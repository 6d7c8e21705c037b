import { beforeEach, describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { FolderRecovery } from '../../src/node/folder-recovery.ts'
import { KnownDamage } from '../../src/node/known-damage.ts'
import { SerialQueue } from '../../src/node/serial-queue.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { countingRandom, deviceTag, fileOf } from '../file-index/sample-records.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { MemoryBootNotes } from '../twins/memory-boot-notes.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { silentLogger } from '../twins/silent-logger.ts'

const root = '/home/folder'

describe('rows of files that a power cut took', () => {
  let disk: MemoryDisk
  let index: FolderIndex
  let kept: MemoryBootNotes
  let isThere: boolean
  let recovery: FolderRecovery
  /** How many rows there were when it was told that some are given up. */
  let toldAt: number[]

  beforeEach(async () => {
    disk = new MemoryDisk()
    disk.makeFolders(root)
    isThere = true
    toldAt = []
    index = await FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
    await index.commit([fileOf('old', 'old'), fileOf('new', 'new')])
    kept = new MemoryBootNotes(() => 'second', { boot: 'first', epoch: index.epoch, seq: 1, changedMs: 0 })
    recovery = new FolderRecovery({
      index,
      tasks: new DiskFileTasks({ disk, root }),
      clock: new ManualClock(),
      logger: silentLogger,
      bootNotes: kept,
      damage: new KnownDamage({ logger: silentLogger }),
      looks: { done: { seq: Number.MAX_SAFE_INTEGER, changedMs: 5 }, takeUp: () => undefined },
      commits: new SerialQueue(),
      signal: new AbortController().signal,
      isFolderThere: async () => isThere,
      onForgetting: async () => void toldAt.push(index.summary.entries),
    })
  })

  const left = async (): Promise<boolean[]> =>
    (await index.getMany(['old', 'new'] as RelativePath[])).map((row) => row !== null)

  it('are given up but for those that were on the disk before, and that is told first', async () => {
    await recovery.recover()
    expect(await left()).toEqual([true, false])
    expect(toldAt).toEqual([2])
    expect(kept.note).toEqual({ boot: 'second', epoch: index.epoch, seq: 2, changedMs: 5 })
  })

  it('are given up where what was there before is back, and is not synced', async () => {
    disk.makeOther(`${root}/new`)
    await recovery.recover()
    expect(await left()).toEqual([true, false])
  })

  it('stay while the folder is away, and are looked for when it is back', async () => {
    isThere = false
    await recovery.recover()
    expect([await left(), toldAt, kept.note?.boot]).toEqual([[true, true], [], 'first'])
    isThere = true
    await recovery.recover()
    expect([await left(), toldAt, kept.note?.boot]).toEqual([[true, false], [2], 'second'])
  })
})
