import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FolderIndex, type RowChange } from '../../src/file-index/folder-index.ts'
import { planLeaves, rebuildTree } from '../../src/file-index/leaf-rows.ts'
import { decodeRow } from '../../src/file-index/row-codec.ts'
import { allPaths, pathsBelow, RowReader } from '../../src/file-index/row-reader.ts'
import type { MerkleTree } from '../../src/merkle/merkle-tree.ts'
import { comparePaths, isBelow, pathKey, type RelativePath } from '../../src/model/relative-path.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { countingRandom, deviceTag, fileOf } from './sample-records.ts'

const somePaths = fc
  .uniqueArray(fc.tuple(fc.nat(6), fc.nat(60)), { maxLength: 120, selector: String })
  .map((pairs) => pairs.map(([d, f]) => `d${d}/f${f}` as RelativePath))

function indexOf(paths: readonly RelativePath[]): { path: RelativePath; change: RowChange }[] {
  return paths.map((path) => ({ path, change: fileOf(path, path) }))
}

async function pathsOf(pages: AsyncIterable<readonly { row: Uint8Array }[]>): Promise<RelativePath[]> {
  const paths: RelativePath[] = []
  for await (const page of pages) for (const { row } of page) paths.push(decodeRow(row).record.path)
  return paths
}

/** Takes rows away, as a commit would. */
async function remove(store: KeyValueStore, paths: readonly RelativePath[]): Promise<void> {
  const changes = paths.toSorted(comparePaths).map((path) => ({ key: pathKey(path), hash: null }))
  await store.batch((await planLeaves(store, await rebuildTree(store), changes)).operations)
}

describe('a reader of rows', () => {
  it('finds every row and no other while the tree that it knows is an older one', async () => {
    await fc.assert(
      fc.asyncProperty(somePaths, somePaths, somePaths, async (first, added, gone) => {
        const store = memoryStore()
        const index = await FolderIndex.open(store, { deviceTag, random: countingRandom() })
        await index.commit(indexOf(first).map(({ change }) => change))
        const known: MerkleTree = await rebuildTree(store)
        const reader = new RowReader(store, () => known)
        await index.commit(indexOf(added).map(({ change }) => change))
        await remove(store, gone)
        const all = [...new Set([...first, ...added])].filter((path) => !gone.includes(path)).sort(comparePaths)
        const asked = [...first, ...added, ...gone]
        const rows = await reader.getMany(asked)
        const found = rows.map((row) => (row === undefined ? null : decodeRow(row).record.path))
        expect(found).toEqual(asked.map((path) => (all.includes(path) ? path : null)))
        expect(await pathsOf(reader.pages(allPaths))).toEqual(all)
        const top = 'd3' as RelativePath
        const below = all.filter((path) => isBelow(path, top))
        expect(await pathsOf(reader.pages(pathsBelow(top), 1))).toEqual(below)
      }),
      { numRuns: 40 },
    )
  })

  it('begins again when the page at which a range begins is joined to the one before it', async () => {
    const store = memoryStore()
    const index = await FolderIndex.open(store, { deviceTag, random: countingRandom() })
    const paths = Array.from({ length: 200 }, (_, i) => `d/f${1000 + i}` as RelativePath)
    await index.commit(paths.map((path) => fileOf(path, 'x')))
    const tree = await rebuildTree(store)
    const opening = Buffer.from(tree.levels[0]![5]!.firstKey).toString('utf8').replace('\0', '/') as RelativePath
    let joined = false
    const store2: KeyValueStore = {
      ...plain(store),
      async *pages(range) {
        // Between the question for the first page and the reading of it.
        if (range.reverse !== true && !joined) {
          joined = true
          await remove(store, [opening])
        }
        yield* store.pages(range)
      },
    }
    const from = pathKey(`${opening}0` as RelativePath)
    const found = await pathsOf(new RowReader(store2, () => tree).pages({ from, to: null }))
    expect(found).toEqual(paths.filter((path) => comparePaths(path, opening) > 0))
    expect(joined).toBe(true)
  })
})

function plain(store: KeyValueStore): KeyValueStore {
  return {
    get: (key) => store.get(key),
    getMany: (keys) => store.getMany(keys),
    batch: (operations, options) => store.batch(operations, options),
    pages: (range) => store.pages(range),
    close: () => store.close(),
  }
}
