import { beforeEach, describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { DirtyPaths } from '../../src/node/dirty-paths.ts'
import { FolderProblems } from '../../src/node/folder-problems.ts'
import { Settling } from '../../src/node/settling.ts'
import { takeSettled, type TakeSettledDeps } from '../../src/node/take-settled.ts'
import type { ScanEntry } from '../../src/ports/file-tasks.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { fileRecord } from './sample-record.ts'

describe('what may be read now', () => {
  let clock: ManualClock
  let deps: TakeSettledDeps & { readonly dirty: DirtyPaths; readonly problems: FolderProblems }

  beforeEach(async () => {
    clock = new ManualClock()
    const index = await FolderIndex.open(memoryStore(), { deviceTag: new Uint8Array(8), random: new SeededRandom(1) })
    const known = entry('x', 3_600_000)
    await index.commit([{ record: fileRecord('x', 'text'), disk: known.disk, blockList: null }])
    const dirty = new DirtyPaths({ clock, signal: new AbortController().signal })
    const guard = { outgoing: { missed: () => undefined } }
    deps = { index, settling: new Settling(clock), dirty, problems: new FolderProblems(), guard }
  })

  function entry(path: string, ageMs: number): ScanEntry {
    const timeNs = BigInt(clock.now() - ageMs) * 1_000_000n
    const disk: DiskState = { kind: 'file', sizeBytes: 9, mtimeNs: timeNs, ctimeNs: timeNs, inode: 1n, mode: 0o644 }
    return { path: parseRelativePath(path), disk, linkTarget: '' }
  }

  it('leaves out the log of a database that the index knows, and has the database looked at again', async () => {
    const wal = entry('x-wal', 0)
    const other = entry('y-wal', 0)
    const ready = await takeSettled({ changed: [wal, other], gone: [] }, deps)
    expect(ready).toEqual({ changed: [other], gone: [], together: new Set() })
    const batch = deps.dirty.take()
    await clock.advance(510)
    expect(await batch).toEqual({ type: 'paths', paths: ['x'] })
  })

  it('is waited for no longer than it differs', async () => {
    const wal = entry('x-wal', 0)
    const both = [parseRelativePath('x'), wal.path]
    await takeSettled({ changed: [wal], gone: [] }, deps, both)
    expect(deps.settling.isHolding).toBe(true)
    await takeSettled({ changed: [], gone: [] }, deps, both)
    expect(deps.settling.isHolding).toBe(false)
  })

  it('is told by file where something never rests', async () => {
    deps.settling.disturbed(entry('a', 0))
    await clock.advance(10_000)
    const restless = entry('a', 0)
    deps.settling.disturbed(restless)
    expect(await takeSettled({ changed: [restless], gone: [] }, deps)).toMatchObject({ changed: [] })
    expect(deps.problems.list()).toEqual([{ path: 'a', reason: expect.stringMatching(/all the time/) as string }])
  })
})
