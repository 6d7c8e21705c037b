import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import { packStates } from '../../src/model/packed-states.ts'
import { comparePaths, isBelow, type RelativePath } from '../../src/model/relative-path.ts'
import { ScanMerge } from '../../src/node/scan-merge.ts'
import { LookedBatch } from '../../src/watcher/look-at-listing.ts'
import { countingRandom, deviceTag, diskOf, fileOf, folderOf, tombstoneOf } from '../file-index/sample-records.ts'
import { memoryStore } from '../twins/memory-store.ts'

const open: FolderIndex[] = []
afterEach(async () => {
  for (const index of open.splice(0)) await index.close()
})

async function indexOf(...changes: Parameters<FolderIndex['commit']>[0]): Promise<FolderIndex> {
  const index = await FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
  open.push(index)
  await index.commit(changes)
  return index
}

interface Seen {
  readonly path: string
  readonly disk: DiskState
}

function batchOf(seen: readonly Seen[], unknown: readonly string[] = []): LookedBatch {
  return new LookedBatch({
    paths: seen.map(({ path }) => path).join('\0'),
    count: seen.length,
    problems: [],
    unknown: unknown as RelativePath[],
    states: packStates(seen.map(({ disk }) => disk)),
    linkTargets: new Map(),
  })
}

async function merged(merge: ScanMerge, ...batches: LookedBatch[]) {
  const changed: string[] = []
  const gone: string[] = []
  for (const batch of batches) {
    const difference = await merge.next(batch)
    changed.push(...difference.changed.map(({ path }) => path))
    gone.push(...difference.gone)
  }
  return { changed, gone: [...gone, ...(await merge.rest())] }
}

const seenAs = (path: string, text = path): Seen => ({ path, disk: diskOf(text.length) })

describe('ScanMerge', () => {
  it('finds what is new, what looks changed and what is gone, and nothing else', async () => {
    const index = await indexOf(...['a', 'b', 'd', 'e'].map((path) => fileOf(path, path)))
    const batch = batchOf([seenAs('a'), seenAs('b', 'longer'), seenAs('c'), seenAs('e')])
    expect(await merged(new ScanMerge(index), batch)).toEqual({ changed: ['b', 'c'], gone: ['d'] })
  })

  it('agrees with a comparison of sets, however the scan falls into batches', async () => {
    const names = fc.constantFrom('a', 'a!', 'a/b', 'a/c', 'b', 'b/a', 'é', '\u{10000}', '\uff00', 'z')
    const state = fc.constantFrom('same', 'changed')
    const anyCase = fc.record({
      rows: fc.uniqueArray(fc.tuple(names, fc.boolean()), { selector: ([path]) => path }),
      seen: fc.uniqueArray(fc.tuple(names, state), { selector: ([path]) => path }),
      batchSize: fc.integer({ min: 1, max: 4 }),
    })
    const check = async ({ rows, seen, batchSize }: CaseOf<typeof anyCase>): Promise<void> => {
      const index = await indexOf(...rows.map(([path, live]) => (live ? fileOf(path, 'x') : tombstoneOf(path))))
      const live = new Set(rows.filter(([, isLive]) => isLive).map(([path]) => path))
      const sorted = seen.toSorted(([a], [b]) => comparePaths(a as RelativePath, b as RelativePath))
      const batches: LookedBatch[] = []
      for (let at = 0; at < sorted.length; at += batchSize) {
        const part = sorted.slice(at, at + batchSize)
        batches.push(batchOf(part.map(([path, how]) => seenAs(path, how === 'same' ? 'x' : 'xx'))))
      }
      const { changed, gone } = await merged(new ScanMerge(index), ...batches)
      expect(changed).toEqual(sorted.filter(([path, how]) => how !== 'same' || !live.has(path)).map(([path]) => path))
      for (const [path] of seen) live.delete(path)
      expect(new Set(gone)).toEqual(live)
      await open.pop()!.close()
    }
    await fc.assert(fc.asyncProperty(anyCase, check), { numRuns: 200, seed: 7 })
  })

  it('never takes an entry for unchanged by its time alone', async () => {
    const index = await indexOf(fileOf('a', 'text'))
    const same = diskOf(4)
    const others: DiskState[] = [
      { ...same, sizeBytes: 5 },
      { ...same, ctimeNs: same.ctimeNs + 1n },
      { ...same, inode: same.inode + 1n },
      { ...same, mtimeNs: same.mtimeNs + 1n },
      { ...same, mode: 0o755 },
    ]
    for (const disk of others) {
      expect((await merged(new ScanMerge(index), batchOf([{ path: 'a', disk }]))).changed).toEqual(['a'])
    }
    expect((await merged(new ScanMerge(index), batchOf([{ path: 'a', disk: same }]))).changed).toEqual([])
  })

  it('calls nothing gone that is unknown, or lies below what is', async () => {
    const index = await indexOf(folderOf('a'), ...['a/b', 'a/b/c', 'a!', 'ab'].map((path) => fileOf(path, path)))
    const folder = { path: 'a', disk: folderOf('a').disk! }
    expect((await merged(new ScanMerge(index), batchOf([folder], ['a']))).gone).toEqual(['a!', 'ab'])
    expect((await merged(new ScanMerge(index), batchOf([folder], ['a/b']))).gone).toEqual(['a!', 'ab'])
    expect((await merged(new ScanMerge(index), batchOf([], ['']))).gone).toEqual([])
  })

  it('takes an entry for new where a tombstone is, and a row without a look for changed', async () => {
    const index = await indexOf(tombstoneOf('a'), { ...fileOf('b', 'b'), disk: null })
    expect(await merged(new ScanMerge(index), batchOf([seenAs('a'), seenAs('b')]))).toEqual({
      changed: ['a', 'b'],
      gone: [],
    })
  })

  it('compares one folder alone, itself included', async () => {
    const paths = ['a', 'b', 'b/x', 'b/y', 'c']
    const index = await indexOf(...paths.map((path) => (path === 'b' ? folderOf(path) : fileOf(path, path))))
    const folder = { path: 'b', disk: folderOf('b').disk! }
    const merge = new ScanMerge(index, 'b' as RelativePath)
    expect(await merged(merge, batchOf([folder, seenAs('b/y')]))).toEqual({ changed: [], gone: ['b/x'] })
    const { gone } = await merged(new ScanMerge(index, 'b' as RelativePath))
    expect(gone.every((path) => path === 'b' || isBelow(path as RelativePath, 'b' as RelativePath))).toBe(true)
    expect(gone).toEqual(['b', 'b/x', 'b/y'])
  })

  it('walks more rows than a page holds', async () => {
    const paths = Array.from({ length: 2500 }, (_, i) => `f${String(i).padStart(5, '0')}`)
    const index = await indexOf(...paths.map((path) => fileOf(path, 'x')))
    const kept = paths.filter((_, i) => i % 5 !== 0)
    const { changed, gone } = await merged(
      new ScanMerge(index),
      batchOf(kept.slice(0, 1000).map((path) => seenAs(path, 'x'))),
      batchOf(kept.slice(1000).map((path) => seenAs(path, 'x'))),
    )
    expect(changed).toEqual([])
    expect(gone.length).toBe(500)
  })
})

type CaseOf<T> = T extends fc.Arbitrary<infer Case> ? Case : never
