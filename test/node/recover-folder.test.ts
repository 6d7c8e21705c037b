import { beforeEach, describe, expect, it } from 'vitest'
import { encodeBlockList } from '../../src/blocks/block-list.ts'
import { stagedNameFor } from '../../src/blocks/staged-name.ts'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { BlockHash } from '../../src/model/block-hash.ts'
import { recoverFolder } from '../../src/node/recover-folder.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { fileRecord } from './sample-record.ts'

const record = fileRecord('a', 'new text')
const staged = stagedNameFor(record.path, record.content as BlockHash)
const intent = { id: staged, record, blockList: null, staged }
let clock: ManualClock
let disk: MemoryDisk
let tasks: DiskFileTasks
let index: FolderIndex

beforeEach(async () => {
  clock = new ManualClock()
  disk = new MemoryDisk({ now: () => BigInt(clock.now()) * 1_000_000n })
  tasks = new DiskFileTasks({ disk, root: '/folder' })
  await tasks.prepareRoot(null)
  index = await FolderIndex.open(memoryStore(), { deviceTag: new Uint8Array(8), random: new SeededRandom(1) })
})

describe('after a kill', () => {
  it('keeps what a later try goes on with, and drops all else that was staged', async () => {
    stage(staged, 'new te')
    stage('0123456789abcdef01234567', 'small')
    stage(`${staged}-copy`, 'half')
    disk.makeLink('/folder/.p2psync/staging/new-link', 'a')
    await recover()
    expect(await listed()).toEqual([staged])
  })

  it('drops what was staged so long ago that nobody needs it', async () => {
    stage(staged, 'new te')
    await clock.advance(8 * 24 * 60 * 60_000)
    await recover()
    expect(await listed()).toEqual([])
  })

  it('adopts what was put in place, and goes on with what was not', async () => {
    const other = fileRecord('b', 'other text')
    const notPlaced = stagedNameFor(other.path, other.content as BlockHash)
    disk.writeFile('/folder/a', 'new text', { mtimeNs: record.mtimeNs })
    stage(notPlaced, 'other text')
    await index.putIntents([intent, { id: notPlaced, record: other, blockList: null, staged: notPlaced }])
    await recover()
    expect((await index.get(record.path))?.record).toEqual(record)
    expect(await index.get(other.path)).toBe(null)
    expect(await index.intents()).toEqual([])
    expect(await listed()).toEqual([notPlaced])
    const list = encodeBlockList([{ hash: other.content as BlockHash, length: other.sizeBytes }])
    expect(await tasks.checkStaged(notPlaced, list)).toEqual(Uint8Array.of(1))
  })

  it('sees at the next look what was made executable between the kill and the start', async () => {
    disk.writeFile('/folder/a', 'new text', { mtimeNs: record.mtimeNs })
    disk.setPathMode('/folder/a', 0o755)
    await index.putIntents([intent])
    await recover()
    expect((await index.get(record.path))?.record).toEqual(record)
    const looks = await tasks.lstat([record.path])
    expect(await index.areUnchanged(looks)).toEqual([false])
  })

  it('adopts what a power cut right after it leaves, name and all', async () => {
    stage(staged, 'new text')
    disk.syncFileSystem('/')
    disk.rename(`/folder/.p2psync/staging/${staged}`, '/folder/a')
    await index.putIntents([{ ...intent, record: { ...record, mtimeNs: mtimeOf('/folder/a') } }])
    await recover()
    expect(await index.get(record.path)).not.toBe(null)
    disk.crash()
    expect(disk.readText('/folder/a')).toBe('new text')
  })

  it('adopts what has its name and still the staged one, which it loses', async () => {
    stage(staged, 'new text')
    setMtime(staged)
    disk.hardLink(`/folder/.p2psync/staging/${staged}`, '/folder/a')
    await index.putIntents([intent])
    await recover()
    expect(await listed()).toEqual([])
    expect(await index.get(record.path)).toMatchObject({ record, disk: disk.lstat('/folder/a') })
    expect(disk.readText('/folder/a')).toBe('new text')
  })

  it('adopts nothing for another file that is still staged', async () => {
    stage(staged, 'new text')
    disk.writeFile('/folder/a', 'old text', { mtimeNs: record.mtimeNs })
    await index.putIntents([intent])
    await recover()
    expect(await listed()).toEqual([staged])
    expect(await index.get(record.path)).toBe(null)
  })
})

function setMtime(name: string): void {
  const handle = disk.openWrite(`/folder/.p2psync/staging/${name}`)
  disk.setMtime(handle, record.mtimeNs)
  disk.close(handle)
}

function stage(name: string, text: string): void {
  disk.writeFile(`/folder/.p2psync/staging/${name}`, text)
}

async function listed(): Promise<string[]> {
  return (await tasks.listStaged()).map((entry) => entry.staged)
}

function recover(): Promise<void> {
  return recoverFolder({ index, tasks, clock, logger: silentLogger })
}

function mtimeOf(path: string): bigint {
  const entry = disk.lstat(path)
  return entry?.kind === 'file' ? entry.mtimeNs : 0n
}
