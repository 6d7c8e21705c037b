import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FolderIndex, type RowChange } from '../../src/file-index/folder-index.ts'
import { differingPaths, type NodeRef, type TreeSource } from '../../src/merkle/diff-trees.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { countingRandom, deviceTag, fileOf, tombstoneOf } from './sample-records.ts'

function open(): Promise<FolderIndex> {
  return FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
}

async function takeOver(local: FolderIndex, remote: FolderIndex): Promise<number> {
  let found = 0
  for await (const paths of differingPaths(local.localTree(), remote.localTree())) {
    const rows = await remote.getMany(paths)
    await local.commit(rows.flatMap((row) => (row === null ? [] : [{ record: row.record, disk: null }])))
    found += paths.length
  }
  return found
}

async function leavesOf(tree: TreeSource): Promise<NodeRef[]> {
  const { height } = await tree.root()
  let nodes: NodeRef[] = [{ level: height, firstKey: new Uint8Array(0) }]
  for (let level = height; level > 0; level--) {
    const lists = await tree.children(nodes)
    nodes = lists.flat().map(({ firstKey }) => ({ level: level - 1, firstKey }))
  }
  return nodes
}

describe('the trees of two indexes', () => {
  it('are equal after each took over what the other has otherwise', async () => {
    const someChange = fc.tuple(fc.nat(300), fc.boolean()).map(([n, live]): RowChange => {
      return live ? fileOf(`d${n % 7}/f${n}`, 'x') : tombstoneOf(`d${n % 7}/f${n}`)
    })
    const someChanges = fc.array(someChange, { maxLength: 150 })
    await fc.assert(
      fc.asyncProperty(someChanges, someChanges, async (ours, theirs) => {
        const [left, right] = [await open(), await open()]
        await left.commit(ours)
        await right.commit(theirs)
        await takeOver(left, right)
        await takeOver(right, left)
        expect(left.summary).toEqual(right.summary)
      }),
      { numRuns: 30 },
    )
  })

  it('are walked to the end when their answers are cut short', async () => {
    const [left, right] = [await open(), await open()]
    const name = 'n'.repeat(200)
    await right.commit(Array.from({ length: 3000 }, (_, i) => fileOf(`${name}/${name}/${i}`, 'x')))
    const leaves = await leavesOf(right.localTree()).catch(() => [])
    expect(await takeOver(left, right)).toBe(3000)
    expect(left.summary.hash).toEqual(right.summary.hash)
    expect(leaves.length).toBeGreaterThan(0)
  })

  it('answer leaf by leaf what the rows hold, and nothing for a leaf that is not there', async () => {
    const index = await open()
    await index.commit(Array.from({ length: 500 }, (_, i) => fileOf(`f${i}`, 'x')))
    const tree = index.localTree()
    const leaves = await leavesOf(tree)
    const together = await tree.entries(leaves)
    const singly = await Promise.all(leaves.map(async (leaf) => (await tree.entries([leaf]))[0]))
    expect(together).toEqual(singly)
    expect(together.flat().map((entry) => entry.path)).toHaveLength(500)
    const missing = { level: 0, firstKey: Buffer.from('none') }
    const answer = await tree.entries([leaves[2]!, missing, leaves[4]!])
    expect(answer).toEqual([together[2], [], together[4]])
  })
})
