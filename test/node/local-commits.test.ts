import { beforeEach, describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import { fingerprint } from '../../src/model/file-record.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { DirtyPaths } from '../../src/node/dirty-paths.ts'
import { FolderGuard } from '../../src/node/folder-guard.ts'
import { FolderProblems } from '../../src/node/folder-problems.ts'
import type { HashedEntries } from '../../src/node/hash-ahead.ts'
import { KnownDamage } from '../../src/node/known-damage.ts'
import { LocalCommits } from '../../src/node/local-commits.ts'
import { SerialQueue } from '../../src/node/serial-queue.ts'
import { Settling } from '../../src/node/settling.ts'
import { UnflushedNames } from '../../src/node/unflushed-names.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { fileRecord } from './sample-record.ts'

describe('the first look into a new index', () => {
  let clock: ManualClock
  let disk: MemoryDisk
  let index: FolderIndex
  let commits: LocalCommits
  let unflushed: UnflushedNames

  beforeEach(async () => {
    clock = new ManualClock()
    disk = new MemoryDisk()
    disk.makeFolder('/folder')
    index = await FolderIndex.open(memoryStore(), { deviceTag: new Uint8Array(8), random: new SeededRandom(1) })
    const tasks = new DiskFileTasks({ disk, root: '/folder' })
    unflushed = new UnflushedNames({ tasks })
    commits = new LocalCommits({
      index,
      tasks,
      clock,
      commits: new SerialQueue(),
      dirty: new DirtyPaths({ clock, signal: new AbortController().signal }),
      problems: new FolderProblems(),
      settling: new Settling(clock),
      looks: { onHashed: () => undefined },
      unflushed,
      damage: new KnownDamage({ logger: silentLogger }),
      guard: new FolderGuard({ clock, filesNow: () => 0, onChange: () => undefined }),
      deviceName: 'alpha',
      mayHaveLostPower: () => true,
      isFolderThere: () => Promise.resolve(true),
      onCommit: () => undefined,
    })
    commits.beginLook()
  })

  /** Writes files, given as `name=text`, and sees them. */
  function seen(...files: string[]): HashedEntries {
    const results = files.map((file) => {
      const [name = '', text = ''] = file.split('=')
      disk.writeFile(`/folder/${name}`, text)
      const state = disk.lstat(`/folder/${name}`)
      if (state?.kind !== 'file') throw new Error('no file')
      const path = parseRelativePath(name)
      return { outcome: 'hashed', path, disk: state, content: hashBlock(Buffer.from(text)), blockList: null } as const
    })
    return {
      entries: results.map((result) => ({ path: result.path, disk: result.disk, linkTarget: '' })),
      hashes: new Map(results.map((result) => [result.path, result])),
      hashedAt: clock.now(),
    }
  }

  async function recordAt(name: string) {
    const row = await index.get(parseRelativePath(name))
    if (row === null) throw new Error('no record')
    return row.record
  }

  it('reads no row of it', async () => {
    const read: string[] = []
    const getMany = index.getMany.bind(index)
    index.getMany = (paths) => {
      read.push(...paths)
      return getMany(paths)
    }
    await commits.takeIn(seen('a=1', 'b=2'))
    await commits.takeIn(seen('c=3', 'd=4'))
    expect(read).toEqual([])
    expect(index.summary.files).toBe(4)
  })

  it('goes on from the record of a path that it has given out before', async () => {
    await commits.takeIn(seen('a=1', 'b=2'))
    const before = await recordAt('a')
    await commits.takeIn(seen('a=other', 'c=3'))
    expect((await recordAt('a')).basis).toBe(fingerprint(before))
    const latest = await recordAt('c')
    await commits.takeIn(seen('c=more'))
    expect((await recordAt('c')).basis).toBe(fingerprint(latest))
  })

  it('goes on from what a peer has committed meanwhile', async () => {
    await commits.takeIn(seen('a=1'))
    const theirs = fileRecord('b', 'of a peer')
    await index.commit([{ record: theirs, disk: null }])
    await commits.takeIn(seen('b=ours'))
    expect((await recordAt('b')).basis).toBe(fingerprint(theirs))
  })

  it('tells nobody of what is here or gone by our own doing before a power cut can no longer undo it', async () => {
    await commits.takeIn(seen('gone=1'))
    disk.syncNames()
    disk.unlink('/folder/gone')
    unflushed.add(parseRelativePath('gone'))
    unflushed.add(parseRelativePath('placed'))
    disk.onCall = (operation) => {
      if (operation === 'syncFolder' || operation === 'syncFileSystem')
        throw Object.assign(new Error('no'), { code: 'EMFILE' })
    }
    await commits.takeIn(seen('placed=2', 'of a user=3'))
    await commits.takeAway([parseRelativePath('gone')])
    const live = async (path: string): Promise<boolean | undefined> =>
      (await index.get(parseRelativePath(path)))?.record.kind === 'file'
    expect([await live('placed'), await live('of a user'), await live('gone')]).toEqual([false, true, true])
    disk.onCall = undefined
    await commits.takeIn(seen('placed=2'))
    await commits.takeAway([parseRelativePath('gone')])
    expect([await live('placed'), await live('gone')]).toEqual([true, false])
    disk.crash()
    expect([disk.lstat('/folder/placed') === null, disk.lstat('/folder/gone') === null]).toEqual([false, true])
  })

  it('publishes nothing that was seen before a peer’s version took its place', async () => {
    const before = seen('b=ours')
    disk.unlink('/folder/b')
    const theirs = fileRecord('b', 'of a peer')
    const after = seen('b=of a peer').entries[0]!
    await index.commit([{ record: theirs, disk: after.disk }])
    await commits.takeIn(before)
    expect(await recordAt('b')).toEqual(theirs)
  })
})
