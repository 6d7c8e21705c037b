import { describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { FileRecord } from '../../src/model/file-record.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { ChangeCommitter } from '../../src/node/change-committer.ts'
import { DirtyPaths } from '../../src/node/dirty-paths.ts'
import { FolderProblems } from '../../src/node/folder-problems.ts'
import { KnownDamage } from '../../src/node/known-damage.ts'
import { costOf, type Need } from '../../src/node/need.ts'
import { Needs } from '../../src/node/needs.ts'
import { recoverFolder } from '../../src/node/recover-folder.ts'
import { UnflushedNames } from '../../src/node/unflushed-names.ts'
import type { Work } from '../../src/node/work.ts'
import { decide } from '../../src/reconcile/decide.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { Crash, diskError } from '../apply/hooked-disk.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { OrderedStore } from '../twins/ordered-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { fileRecord, tombstone, writerOf } from './sample-record.ts'

/** A copy gets its name before the loser is taken away from its path: a kill in between leaves one file under both. */
const theirs = { version: [[writerOf(2), 1]], writer: writerOf(2), mtimeNs: 1_800_000_000_000_000_000n } as const
const winners = {
  file: fileRecord('a', 'theirs', theirs),
  symlink: { ...fileRecord('a', '', theirs), kind: 'symlink', content: '', linkTarget: 'x' },
  folder: { ...fileRecord('a', '', { ...theirs, mtimeNs: 0n }), kind: 'folder', content: '' },
} as const satisfies Record<string, FileRecord>

describe.each(['file', 'symlink', 'folder'] as const)('a loser that a kill leaves under two names, of a %s', (kind) => {
  it('has one after the next start, wherever the kill came', async () => {
    let left = 0
    for (let calls = 0, isOver = false; !isOver; calls++) {
      const place = await Place.make(winners[kind])
      isOver = await place.until(calls, () => place.apply())
      if (place.isTwice()) left++
      await place.recover()
      place.expectOneName()
      expect(await place.index.intents()).toEqual([])
    }
    expect(left).toBeGreaterThan(0)
  })

  it('has one in the end when the start is killed as well, or loses its power', async () => {
    for (const losesPower of [false, true]) {
      for (let calls = 0, isOver = false; !isOver; calls++) {
        const place = await Place.leftTwice(winners[kind])
        isOver = await place.until(calls, () => place.recover())
        if (losesPower) place.cutPower()
        await place.recover()
        place.expectOneName()
        expect(place.textAt('a')).toBe('ours')
      }
    }
  })

  it('has one at once when the disk fails in the middle, and when that is undone', async () => {
    for (let calls = 0, isOver = false; !isOver; calls++) {
      const place = await Place.make(winners[kind])
      isOver = await place.failingAt([calls, calls + 1], () => place.apply())
      place.expectOneName()
    }
  })

  it('keeps at its path what was written to the copy before the start', async () => {
    const place = await Place.leftTwice(winners[kind])
    place.disk.writeFile(`${root}/${place.copyPath}`, 'ours, edited')
    await place.recover()
    expect([place.textAt('a'), place.textAt(place.copyPath)]).toEqual(['ours, edited', undefined])
  })
})

describe('a copy', () => {
  it('stays when the winner is in place', async () => {
    const place = await Place.make(winners.file)
    let isPlaced = false
    place.disk.onCall = (operation) => {
      if (isPlaced) throw new Crash()
      isPlaced = operation === 'rename'
    }
    await expect(place.apply()).rejects.toThrow(Crash)
    place.disk.onCall = undefined
    await place.recover()
    expect([place.textAt('a'), place.textAt(place.copyPath)]).toEqual(['theirs', 'ours'])
  })

  it('stays when its user has saved another file under its name', async () => {
    const place = await Place.leftTwice(winners.file)
    place.disk.writeFile(`${root}/new`, 'ours')
    place.disk.rename(`${root}/new`, `${root}/${place.copyPath}`)
    await place.recover()
    expect([place.textAt('a'), place.textAt(place.copyPath)]).toEqual(['ours', 'ours'])
  })

  it('stays when it has a row: its user has given the two names', async () => {
    const place = await Place.leftTwice(winners.file)
    await place.index.commit([{ record: fileRecord(place.copyPath, 'ours'), disk: place.look('a') }])
    await place.recover()
    expect(place.isTwice()).toBe(true)
  })

  it('goes when its row tells of an earlier one that was deleted', async () => {
    const place = await Place.leftTwice(winners.file)
    await place.index.commit([{ record: tombstone(place.copyPath), disk: null }])
    await place.recover()
    place.expectOneName()
  })
})

it('is no reason to take an edit of the loser for a look that has been', async () => {
  const place = await Place.leftTwice(winners.folder)
  place.disk.writeFile(`${root}/a`, 'OURS', { mtimeNs: place.look('a')!.mtimeNs })
  await place.recover()
  const looks = await place.tasks.lstat(['a' as RelativePath])
  expect(await place.index.areUnchanged(looks)).toEqual([false])
})

const root = '/folder'
const peer = `12D3Koo${'1'.repeat(45)}` as DeviceId

/** A folder whose file at `a` is to lose against the version of a peer. */
class Place {
  readonly disk: MemoryDisk
  readonly store: OrderedStore
  readonly tasks: DiskFileTasks
  readonly index: FolderIndex
  readonly copyPath: RelativePath
  readonly #clock: ManualClock
  readonly #work: Work

  static async make(winner: FileRecord): Promise<Place> {
    const clock = new ManualClock()
    let nowNs = BigInt(clock.now()) * 1_000_000n
    const disk = new MemoryDisk({ now: () => nowNs++ })
    const tasks = new DiskFileTasks({ disk, root })
    await tasks.prepareRoot(null)
    const store = new OrderedStore()
    const index = await FolderIndex.open(store, { deviceTag: new Uint8Array(8), random: new SeededRandom(1) })
    const local = fileRecord('a', 'ours')
    disk.writeFile(`${root}/a`, 'ours', { mtimeNs: local.mtimeNs })
    if (winner.kind === 'file') disk.writeFile(`${root}/.p2psync/staging/s`, 'theirs', { mtimeNs: winner.mtimeNs })
    disk.syncFileSystem('/')
    await index.commit([{ record: local, disk: (await tasks.lstat([local.path]))[0]!.disk }])
    return new Place({ clock, disk, store, tasks, index }, await workFor(winner, index))
  }

  /** Killed right after the loser has got its second name. */
  static async leftTwice(winner: FileRecord): Promise<Place> {
    for (let calls = 0; ; calls++) {
      const place = await Place.make(winner)
      const isDone = await place.until(calls, () => place.apply())
      place.disk.syncFileSystem('/')
      if (place.isTwice()) return place
      if (isDone) throw new Error('no call leaves it so')
    }
  }

  private constructor(
    parts: Pick<Place, 'disk' | 'store' | 'tasks' | 'index'> & { readonly clock: ManualClock },
    work: Work,
  ) {
    this.disk = parts.disk
    this.store = parts.store
    this.tasks = parts.tasks
    this.index = parts.index
    this.#clock = parts.clock
    this.#work = work
    if (work.decision.action !== 'take-keeping-copy') throw new Error('nothing loses')
    this.copyPath = work.decision.copyPath
  }

  async apply(): Promise<void> {
    const { index, tasks } = this
    const clock = this.#clock
    const committer = new ChangeCommitter({
      index,
      tasks,
      clock,
      logger: silentLogger,
      dirty: new DirtyPaths({ clock, signal: new AbortController().signal }),
      problems: new FolderProblems(),
      unflushed: new UnflushedNames({ tasks }),
      damage: new KnownDamage({ logger: silentLogger }),
      guard: { outgoing: { pass: () => undefined } },
      deviceName: 'beta',
      isFolderThere: () => Promise.resolve(true),
      isReceiving: () => false,
      onCommit: () => undefined,
      onStepFailed: () => undefined,
    })
    await committer.apply([this.#work], new Needs({ clock, order: noOrder }))
  }

  recover(): Promise<void> {
    return recoverFolder({ index: this.index, tasks: this.tasks, clock: this.#clock, logger: silentLogger })
  }

  /** Ends the process at the call of disk or store with this number (0 is the first); true when there were not so many. */
  async until(calls: number, work: () => Promise<void>): Promise<boolean> {
    let count = 0
    const onCall = (operation: string): void => {
      if (operation !== 'close' && count++ >= calls) throw new Crash()
    }
    this.disk.onCall = onCall
    this.store.onCall = onCall
    try {
      await work()
      return true
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      return false
    } finally {
      this.disk.onCall = undefined
      this.store.onCall = undefined
    }
  }

  /** Lets the calls of the disk with these numbers fail; true when there were not so many. */
  async failingAt(calls: readonly number[], work: () => Promise<void>): Promise<boolean> {
    let count = 0
    this.disk.onCall = (operation) => {
      if (operation !== 'close' && calls.includes(count++)) throw diskError('EIO')
    }
    await work()
    this.disk.onCall = undefined
    return count <= calls[0]!
  }

  cutPower(): void {
    this.disk.crash()
    this.store.cutPower(1)
  }

  look(path: string): DiskState | null {
    const entry = this.disk.lstat(`${root}/${path}`)
    return entry?.kind === 'other' ? null : entry
  }

  textAt(path: string): string | undefined {
    return this.disk.tree(root).get(path)?.content
  }

  isTwice(): boolean {
    return this.look('a') !== null && this.look('a')?.inode === this.look(this.copyPath)?.inode
  }

  /** Of the two, and what lost is still there. */
  expectOneName(): void {
    expect(['a', this.copyPath].filter((path) => this.textAt(path) === 'ours')).toHaveLength(1)
  }
}

async function workFor(record: FileRecord, index: FolderIndex): Promise<Work> {
  const row = await index.get(record.path)
  const needs = new Needs({ clock: new ManualClock(), order: noOrder })
  needs.add(record, peer, costOf(record, row))
  const [need] = needs.takeJob(0, { removals: true }) as [Need]
  const decision = decide(row?.record ?? null, record)
  if (decision.action === 'nothing') throw new Error('there is nothing to do')
  return { need, decision, row, staged: record.kind === 'file' ? 's' : null, blockList: null, movedFrom: null }
}
