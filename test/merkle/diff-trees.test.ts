import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  differingPaths,
  type LeafEntry,
  type NodeRef,
  type NodeSummary,
  type TreeSource,
} from '../../src/merkle/diff-trees.ts'
import { rootHash, treeHeight } from '../../src/merkle/merkle-tree.ts'
import { P2psyncError } from '../../src/model/errors.ts'
import { comparePaths, type RelativePath } from '../../src/model/relative-path.ts'
import { numbered, SampleTree, someContents } from './sample-tree.ts'

async function walk(local: SampleTree, remote: TreeSource, listedMax = 100_000): Promise<RelativePath[]> {
  const paths: RelativePath[] = []
  for await (const batch of differingPaths(local, remote, { listedMax })) paths.push(...batch)
  return paths
}

/** A peer whose answers are changed on the way. */
function tampered(honest: TreeSource, lies: Partial<TreeSource>): TreeSource {
  return {
    root: () => honest.root(),
    children: (nodes) => honest.children(nodes),
    entries: (leaves) => honest.entries(leaves),
    ...lies,
  }
}

async function refusal(remote: TreeSource, listedMax?: number): Promise<unknown> {
  return walk(new SampleTree(), remote, listedMax).then(
    () => null,
    (error: unknown) => (error instanceof P2psyncError ? error.code : error),
  )
}

describe('the difference of two trees', () => {
  it('names exactly the paths that the remote has and the local lacks or has otherwise', async () => {
    await fc.assert(
      fc.asyncProperty(someContents, someContents, async (ours, theirs) => {
        const found = await walk(new SampleTree(ours), new SampleTree(theirs))
        const expected = [...theirs].filter(([path, value]) => ours.get(path) !== value).map(([path]) => path)
        expect(found.sort(comparePaths)).toEqual(expected.sort(comparePaths))
      }),
    )
  })

  it('applied both ways makes the trees equal', async () => {
    await fc.assert(
      fc.asyncProperty(someContents, someContents, async (ours, theirs) => {
        const left = new SampleTree(ours)
        const right = new SampleTree(theirs)
        for (const [from, to] of [
          [right, left],
          [left, right],
        ] as const) {
          const paths = await walk(to, from)
          // The larger value wins on both sides.
          to.edit(new Map(paths.map((path) => [path, Math.max(from.contents.get(path)!, to.contents.get(path) ?? 0)])))
        }
        left.edit(right.contents)
        expect(rootHash(left.tree)).toEqual(rootHash(right.tree))
      }),
    )
  })

  it('asks for nothing but the root when the trees are equal', async () => {
    const remote = new SampleTree(numbered(5000))
    expect(await walk(new SampleTree(numbered(5000)), remote)).toEqual([])
    expect(remote.questions).toBe(1)
  })

  it('takes one round trip a level and one for the root to find a single difference', async () => {
    const path = 'folder 33/file 3300' as RelativePath
    const remote = new SampleTree(numbered(5000).set(path, 2))
    expect(await walk(new SampleTree(numbered(5000)), remote)).toEqual([path])
    expect(remote.questions).toBe(treeHeight(remote.tree) + 2)
  })

  it('costs little when neighbours differ', async () => {
    const changed = Array.from(numbered(300, 2000).keys(), (path) => [path, 2] as const)
    const remote = new SampleTree(new Map([...numbered(5000), ...changed]))
    expect(await walk(new SampleTree(numbered(5000)), remote)).toHaveLength(300)
    expect(remote.bytes).toBeLessThan(300 * 60)
  })

  it('works between trees of different height, both ways', async () => {
    const small = new SampleTree(numbered(3))
    const large = new SampleTree(numbered(5000))
    expect(treeHeight(large.tree)).toBeGreaterThan(treeHeight(small.tree))
    expect(await walk(small, large)).toHaveLength(4997)
    expect(await walk(large, small)).toEqual([])
  })

  it('asks for at most 256 nodes at once', async () => {
    const honest = new SampleTree(numbered(10_000))
    const sizes: number[] = []
    const remote = tampered(honest, {
      entries: (leaves) => {
        sizes.push(leaves.length)
        return honest.entries(leaves)
      },
    })
    expect(await walk(new SampleTree(), remote)).toHaveLength(10_000)
    expect(Math.max(...sizes)).toBe(256)
  })

  it('asks again for what a short answer leaves out', async () => {
    const honest = new SampleTree(numbered(2000))
    const remote = tampered(honest, {
      children: async (nodes) => (await honest.children(nodes)).slice(0, 2),
      entries: async (leaves) => (await honest.entries(leaves)).slice(0, 3),
    })
    expect(new Set(await walk(new SampleTree(), remote)).size).toBe(2000)
  })

  it('goes on when a node of the remote is gone meanwhile', async () => {
    const honest = new SampleTree(numbered(2000))
    const remote = tampered(honest, {
      entries: async (leaves) => (await honest.entries(leaves)).map((list, i) => (i === 1 ? [] : list)),
    })
    const found = await walk(new SampleTree(), remote)
    expect(found.length).toBeGreaterThan(1500)
    expect(found.length).toBeLessThan(2000)
  })
})

describe('nonsense from a peer', () => {
  const honest = new SampleTree(numbered(2000))
  const childLies: Record<string, (list: NodeSummary[], node: NodeRef) => NodeSummary[]> = {
    'children in the wrong order': (list) => list.toReversed(),
    'a child twice': (list) => [list[0]!, ...list],
    'children that start elsewhere': (list) => list.slice(1),
    'a child behind the end of its node': (list, node) =>
      node.firstKey.length === 0 ? [...list, { firstKey: Buffer.alloc(9, 0xff), hash8: Buffer.alloc(8) }] : list,
    'a child that opens no node': (list) => [
      list[0]!,
      { firstKey: Buffer.from('folder 0\0file 0'), hash8: Buffer.alloc(8) },
      ...list.slice(1),
    ],
    'a hash of nine bytes': (list) => list.map((child) => ({ ...child, hash8: Buffer.alloc(9) })),
    'a key of five thousand bytes': (list) => [...list, { firstKey: Buffer.alloc(5000, 0x7a), hash8: Buffer.alloc(8) }],
  }
  it.each(Object.entries(childLies))('refuses %s', async (_, lie) => {
    const children = async (nodes: readonly NodeRef[]): Promise<NodeSummary[][]> => {
      return (await honest.children(nodes)).map((list, i) => lie(list, nodes[i]!))
    }
    expect(await refusal(tampered(honest, { children }))).toBe('bad-message')
  })

  const entryLies: Record<string, (list: LeafEntry[]) => LeafEntry[]> = {
    'entries in the wrong order': (list) => list.toReversed(),
    'an entry twice': (list) => list.flatMap((entry) => [entry, entry]),
    'an entry of another leaf': (list) => [...list, { path: '\uFFFCend' as RelativePath, hash8: Buffer.alloc(8) }],
    'an entry without its hash': (list) => list.map((entry) => ({ ...entry, hash8: Buffer.alloc(0) })),
  }
  it.each(Object.entries(entryLies))('refuses %s', async (_, lie) => {
    const entries = async (leaves: readonly NodeRef[]): Promise<LeafEntry[][]> =>
      (await honest.entries(leaves)).map(lie)
    expect(await refusal(tampered(honest, { entries }))).toBe('bad-message')
  })

  it.each([
    ['a height of 17', { hash: Buffer.alloc(32, 1), height: 17 }],
    ['a height of one half', { hash: Buffer.alloc(32, 1), height: 0.5 }],
    ['a negative height', { hash: Buffer.alloc(32, 1), height: -1 }],
    ['a root of 31 bytes', { hash: Buffer.alloc(31, 1), height: 2 }],
  ])('refuses %s', async (_, root) => {
    expect(await refusal(tampered(honest, { root: () => Promise.resolve(root) }))).toBe('bad-message')
  })

  it('refuses an answer about more nodes than were asked for, or about none', async () => {
    const more = tampered(honest, { children: async (nodes) => [...(await honest.children(nodes)), []] })
    expect(await refusal(more)).toBe('bad-message')
    expect(await refusal(tampered(honest, { entries: () => Promise.resolve([]) }))).toBe('bad-message')
  })

  it('refuses a tree that never ends', async () => {
    expect(await refusal(honest, 500)).toBe('bad-message')
  })
})
