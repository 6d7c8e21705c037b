import { beforeEach, describe, expect, it } from 'vitest'
import { FolderIndex, type RowChange } from '../../src/file-index/folder-index.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import type { FileRecord } from '../../src/model/file-record.ts'
import { ChangeCommitter } from '../../src/node/change-committer.ts'
import type { Work } from '../../src/node/work.ts'
import { DirtyPaths } from '../../src/node/dirty-paths.ts'
import { FolderProblems } from '../../src/node/folder-problems.ts'
import { KnownDamage } from '../../src/node/known-damage.ts'
import { UnflushedNames } from '../../src/node/unflushed-names.ts'
import { costOf, type Need } from '../../src/node/need.ts'
import { Needs } from '../../src/node/needs.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import { decide } from '../../src/reconcile/decide.ts'
import { compareVersions } from '../../src/vector-clock/compare-versions.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { fileRecord, tombstone, writerOf } from './sample-record.ts'

const peer = `12D3Koo${'1'.repeat(45)}` as DeviceId
const root = '/folder'

describe('the committer', () => {
  let disk: MemoryDisk
  let tasks: DiskFileTasks
  let index: FolderIndex
  let needs: Needs
  let committer: ChangeCommitter
  let dirty: DirtyPaths
  let unflushed: UnflushedNames
  let isThere: boolean
  /** Durable batches and renames into place, in their order. */
  let events: string[]

  beforeEach(async () => {
    const clock = new ManualClock()
    const signal = new AbortController().signal
    disk = new MemoryDisk({ now: () => BigInt(clock.now()) * 1_000_000n })
    tasks = new DiskFileTasks({ disk, root })
    await tasks.prepareRoot(null)
    events = []
    index = await FolderIndex.open(notingStore(), { deviceTag: new Uint8Array(8), random: new SeededRandom(1) })
    isThere = true
    needs = new Needs({ clock, order: noOrder })
    unflushed = new UnflushedNames({ tasks })
    dirty = new DirtyPaths({ clock, signal })
    committer = new ChangeCommitter({
      index,
      tasks,
      clock,
      logger: silentLogger,
      dirty,
      problems: new FolderProblems(),
      unflushed,
      damage: new KnownDamage({ logger: silentLogger }),
      guard: { outgoing: { pass: () => undefined } },
      deviceName: 'beta',
      isFolderThere: () => Promise.resolve(isThere),
      isReceiving: () => false,
      onCommit: () => undefined,
      onStepFailed: () => undefined,
    })
    disk.onCall = (operation) => {
      if (operation === 'hardLink') events.push('placed')
    }
    events.length = 0
  })

  function notingStore(): KeyValueStore {
    const store = memoryStore()
    const batch = store.batch.bind(store)
    store.batch = (operations, options) => {
      events.push(options?.durable === true ? 'durable' : 'batch')
      return batch(operations, options)
    }
    return store
  }

  /** A peer's record that is decided, with its bytes staged. */
  async function workFor(record: FileRecord, text: string): Promise<Work> {
    const row = await index.get(record.path)
    const staged = `staged-${record.path}`
    disk.quietly(() => disk.writeFile(`${root}/.p2psync/staging/${staged}`, text))
    needs.add(record, peer, costOf(record, row))
    const [need] = needs.takeJob(0, { removals: true }) as [Need]
    const decision = decide(row?.record ?? null, record)
    if (decision.action === 'nothing') throw new Error('there is nothing to do')
    return { need, decision, row, staged, blockList: null, movedFrom: null }
  }

  async function commitLocal(path: string, text: string): Promise<void> {
    disk.quietly(() => disk.writeFile(`${root}/${path}`, text))
    const state = disk.quietly(() => disk.lstat(`${root}/${path}`))
    if (state?.kind !== 'file') throw new Error('no file')
    const change: RowChange = { record: fileRecord(path, text), disk: state }
    await index.commit([change])
  }

  /** A folder with a file in it, and a peer's removal of it. */
  async function removedElsewhere(): Promise<{ folder: FileRecord; work: Work }> {
    disk.makeFolder(`${root}/d`)
    const state = disk.lstat(`${root}/d`)
    if (state?.kind !== 'folder') throw new Error('no folder')
    const folder = { ...fileRecord('d', ''), kind: 'folder', sizeBytes: 0, mtimeNs: 0n, content: '' } as const
    await index.commit([{ record: folder, disk: state }])
    await commitLocal('d/x', 'text')
    return { folder, work: await workFor(tombstone('d', { counter: 2 }), '') }
  }

  const textAt = (path: string) => disk.tree(root).get(path)?.content

  it('writes its intent down for good before a file is put in place, and the record for good after it', async () => {
    const work = await workFor(fileRecord('a', 'new'), 'new')
    let intents = 0
    const apply = tasks.apply.bind(tasks)
    tasks.apply = async (...args) => {
      intents = (await index.intents()).length
      return apply(...args)
    }
    expect(await committer.apply([work], needs)).toEqual([work.need])
    expect(events).toEqual(['durable', 'placed', 'durable'])
    expect([intents, (await index.intents()).length]).toEqual([1, 0])
    expect(textAt('a')).toBe('new')
  })

  it('notes what is in place but could not be flushed, until it can be', async () => {
    const work = await workFor(fileRecord('a', 'new'), 'new')
    let isFailing = true
    disk.onCall = (operation) => {
      if (isFailing && operation === 'syncFolder') throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    expect(await committer.apply([work], needs)).toEqual([])
    const path = work.need.record.path
    expect(textAt('a')).toBe('new')
    expect([...(await unflushed.among([path]))]).toEqual(['a'])
    isFailing = false
    expect([...(await unflushed.among([path]))]).toEqual([])
  })

  it('does nothing while the folder is not there', async () => {
    const work = await workFor(fileRecord('a', 'new'), 'new')
    isThere = false
    expect(await committer.apply([work], needs)).toEqual([])
    expect([events, textAt('a')]).toEqual([[], undefined])
  })

  it('decides anew what was decided about a row that has changed since', async () => {
    await commitLocal('a', 'old')
    const work = await workFor(fileRecord('a', 'new', { counter: 2 }), 'new')
    await index.commit([{ record: fileRecord('a', 'old', { version: [[writerOf(2), 1]] }), disk: work.row!.disk }])
    expect(await committer.apply([work], needs)).toEqual([])
    expect([textAt('a'), work.need.state]).toEqual(['old', 'queued'])
  })

  it('commits nothing of a step that was not done', async () => {
    await commitLocal('a', 'old')
    const work = await workFor(fileRecord('a', 'new', { counter: 2 }), 'new')
    disk.quietly(() => disk.writeFile(`${root}/a`, 'edited since'))
    expect(await committer.apply([work], needs)).toEqual([])
    expect([textAt('a'), work.need.state]).toEqual(['edited since', 'queued'])
    expect((await index.get(work.need.record.path))?.record).toEqual(work.row!.record)
  })

  it('publishes a conflicted copy as later than the deletion of an earlier one', async () => {
    await commitLocal('a', 'ours')
    const theirs = { version: [[writerOf(2), 1]], writer: writerOf(2), mtimeNs: 1_800_000_000_000_000_000n } as const
    const work = await workFor(fileRecord('a', 'theirs', theirs), 'theirs')
    if (work.decision.action !== 'take-keeping-copy') throw new Error('no conflict')
    const { copyPath } = work.decision
    const deleted = tombstone(copyPath, { version: [[writerOf(3), 7]] })
    await index.commit([{ record: deleted, disk: null }])
    expect(await committer.apply([work], needs)).toEqual([work.need])
    const copy = (await index.get(copyPath))?.record
    expect(copy?.content).toBe(work.row?.record.content)
    expect(compareVersions(copy?.version ?? [], deleted.version)).toBe('after')
    expect([textAt('a'), textAt(copyPath)]).toEqual(['theirs', 'ours'])
  })

  it('publishes a folder anew that was removed elsewhere and holds something here', async () => {
    const { folder, work } = await removedElsewhere()
    await committer.apply([{ ...work, staged: null }], needs)
    const row = await index.get(folder.path)
    expect([row?.record.kind, row?.record.writer, textAt('d/x')]).toEqual(['folder', index.writer, 'text'])
    expect(compareVersions(row?.record.version ?? [], folder.version)).toBe('after')
  })

  it('has what lay in a folder looked at that was gone here before it was removed elsewhere', async () => {
    const { work } = await removedElsewhere()
    disk.rename(`${root}/d`, `${root}/e`)
    expect(await committer.apply([{ ...work, staged: null }], needs)).toEqual([work.need])
    expect(dirty.takeArrived(() => false)).toEqual(['d/x'])
  })
})
