import fc from 'fast-check'
import { FolderIndex, type RowChange } from '../../src/file-index/folder-index.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { countingRandom, deviceTag, fileOf, tombstoneOf } from './sample-records.ts'

const random = countingRandom()

/** The index on a store, by default on an empty one. */
export function open(store: KeyValueStore = memoryStore()): Promise<FolderIndex> {
  return FolderIndex.open(store, { deviceTag, random })
}

export async function pathsOf(rows: AsyncIterable<readonly { record: { path: RelativePath } }[]>): Promise<string[]> {
  const paths: string[] = []
  for await (const page of rows) paths.push(...page.map((row) => row.record.path))
  return paths
}

const someChange: fc.Arbitrary<RowChange> = fc
  .tuple(fc.nat(60), fc.constantFrom('x', 'y', ''), fc.boolean())
  .map(([n, text, inFolder]) => {
    const path = inFolder ? `folder/f${n}` : `f${n}`
    return text === '' ? tombstoneOf(path) : fileOf(path, text)
  })

/** The changes of some commits, with paths that come again. */
export const someCommits = fc.array(fc.array(someChange, { maxLength: 30 }), { maxLength: 6 })
