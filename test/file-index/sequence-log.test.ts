import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { open, someCommits } from './sample-index.ts'
import { diskOf, fileOf } from './sample-records.ts'

describe('the sequence log', () => {
  it('tells every path once, in the order of its last change', async () => {
    await fc.assert(
      fc.asyncProperty(someCommits, fc.integer({ min: 1, max: 7 }), async (commits, limit) => {
        const index = await open()
        const order = new Set<string>()
        for (const changes of commits) {
          await index.commit(changes)
          for (const { record } of changes) {
            order.delete(record.path)
            order.add(record.path)
          }
        }
        const told: string[] = []
        for (let seq = 0; seq < index.seq;) {
          const { records, toSeq } = await index.since(seq, limit)
          expect(toSeq).toBeGreaterThan(seq)
          told.push(...records.map((record) => record.path))
          seq = toSeq
        }
        expect(told).toEqual([...order])
      }),
      { numRuns: 40 },
    )
  })

  it('is not moved by an update of disk states, nor is the tree', async () => {
    const index = await open()
    await index.commit([fileOf('a', 'x'), fileOf('b', 'y')])
    const before = index.summary
    await index.updateDisk([
      { path: 'a' as RelativePath, disk: diskOf(1, 99n) },
      { path: 'not there' as RelativePath, disk: null },
    ])
    expect([index.seq, index.summary]).toEqual([2, before])
    expect(await index.get('a' as RelativePath)).toEqual({ ...fileOf('a', 'x'), disk: diskOf(1, 99n), seq: 1 })
    expect(await index.get('b' as RelativePath)).toEqual({ ...fileOf('b', 'y'), seq: 2 })
    expect(await index.get('not there' as RelativePath)).toBeNull()
  })
})
