import { describe, expect, it } from 'vitest'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { open, pathsOf } from './sample-index.ts'
import { fileOf, folderOf, tombstoneOf } from './sample-records.ts'

describe('the rows below a folder', () => {
  it('are those strictly below it, in path order', async () => {
    const index = await open()
    await index.commit(['a', 'a!', 'a b', 'a/z', 'a/b/c', 'a/b', 'ab/c', 'b'].map(folderOf))
    expect(await pathsOf(index.rows({ below: 'a' as RelativePath }))).toEqual(['a/b', 'a/b/c', 'a/z'])
    expect(await pathsOf(index.rows())).toEqual(['a', 'a/b', 'a/b/c', 'a/z', 'a b', 'a!', 'ab/c', 'b'])
  })

  it('are the same to a reader that looks at path, kind and disk state only', async () => {
    const index = await open()
    await index.commit([folderOf('a'), fileOf('a/b', 'text'), tombstoneOf('a/c'), fileOf('d', 'x')])
    const seen: unknown[] = []
    for await (const page of index.rowHeads()) {
      for (const { path, kind, live, disk } of page) seen.push({ path, kind, live, disk })
    }
    const expected: unknown[] = []
    for await (const page of index.rows()) {
      for (const { record, disk } of page) {
        expected.push({ path: record.path, kind: record.kind, live: record.kind !== 'tombstone', disk })
      }
    }
    expect(seen).toEqual(expected)
    const below: string[] = []
    for await (const page of index.rowHeads({ below: 'a' as RelativePath })) below.push(...page.map((row) => row.path))
    expect(below).toEqual(['a/b', 'a/c'])
  })

  it('are live when one is no tombstone', async () => {
    const index = await open()
    await index.commit([tombstoneOf('a/b'), tombstoneOf('a/c'), fileOf('a b', 'x')])
    expect(await index.hasLiveBelow('a' as RelativePath)).toBe(false)
    await index.commit([fileOf('a/d/e', 'x')])
    expect(await index.hasLiveBelow('a' as RelativePath)).toBe(true)
  })
})
