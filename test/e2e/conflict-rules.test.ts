import { readFileSync, rmSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Tree } from './folder-tree.ts'
import type { NodeProcess } from './node-process.ts'
import { settle, World } from './world.ts'
import { noise, write } from './write-files.ts'

const yearSeconds = 365 * 24 * 3600
const nowSeconds = (): number => performance.timeOrigin / 1000 + performance.now() / 1000

/** Devices that were in sync with the files of `before`, then changed theirs apart, and have met again. */
async function meetAgain(
  world: World,
  before: (root: string) => void,
  changes: readonly ((root: string) => void)[],
): Promise<Tree> {
  before(world.nodes[0]!.folder)
  await world.start()
  await settle(world.nodes)
  await world.stop()
  for (const [index, change] of changes.entries()) change(world.nodes[index]!.folder)
  await world.start()
  return settle(world.nodes)
}

function contents(node: NodeProcess, tree: Tree): readonly string[] {
  const files = [...tree].filter(([, entry]) => entry.text.startsWith('file'))
  return files.map(([path]) => readFileSync(join(node.folder, path), 'utf8')).toSorted()
}

function copies(tree: Tree): readonly string[] {
  return [...tree.keys()].filter((path) => path.includes('conflicted copy'))
}

describe('conflicts', () => {
  it('end, between three devices, in one winner and two copies, the same on all', async () => {
    const changes = ['A', 'B', 'C'].map((name) => (root: string) => write(root, 'doc.txt', `edited by ${name}`))
    await using world = await World.of(['A', 'B', 'C'])
    const tree = await meetAgain(world, (root) => write(root, 'doc.txt', 'original'), changes)
    expect(tree.size).toBe(3)
    expect(copies(tree)).toHaveLength(2)
    for (const node of world.nodes) expect(contents(node, tree)).toEqual(['edited by A', 'edited by B', 'edited by C'])
  })

  it('are none when both devices wrote the same bytes', async () => {
    const same = (mtime: number) => (root: string) => {
      write(root, 'small', 'the same', { mtime })
      write(root, 'large', noise(1_000_000, 5), { mtime })
      write(root, 'new', 'the same too', { mtime })
    }
    const before = (root: string): void => (write(root, 'small', 'old'), write(root, 'large', noise(900_000, 4)))
    await using world = await World.of(['A', 'B'])
    const tree = await meetAgain(world, before, [same(1_700_000_000), same(1_700_000_100)])
    expect([...tree.keys()]).toEqual(['large', 'new', 'small'])
  })

  it('are none when only one device changed, whatever its clock said', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    write(a.folder, 'doc', 'first, dated next year', { mtime: nowSeconds() + yearSeconds })
    await world.start()
    await settle(world.nodes)
    write(b.folder, 'doc', 'second, dated last year', { mtime: nowSeconds() - yearSeconds })
    await b.until(() => readFileSync(join(a.folder, 'doc'), 'utf8').startsWith('second'), 'the second edit to reach A')
    unlinkSync(join(a.folder, 'doc'))
    write(a.folder, 'other', 'x')
    const tree = await settle(world.nodes)
    expect([...tree.keys()]).toEqual(['other'])
  })

  it.each([yearSeconds, -yearSeconds])('keep both edits when a clock is %i seconds off', async (off) => {
    const dated = (root: string): void => write(root, 'doc', 'by A', { mtime: nowSeconds() + off })
    await using world = await World.of(['A', 'B'])
    const tree = await meetAgain(world, (root) => write(root, 'doc', 'original'), [
      dated,
      (root) => write(root, 'doc', 'by B'),
    ])
    expect(copies(tree)).toHaveLength(1)
    expect(contents(world.nodes[0]!, tree)).toEqual(['by A', 'by B'])
  })

  it.each([yearSeconds, -yearSeconds])(
    'keep an edit against a deletion when a clock is %i seconds off',
    async (off) => {
      await using world = await World.of(['A', 'B'])
      const tree = await meetAgain(world, (root) => write(root, 'doc', 'original'), [
        (root) => unlinkSync(join(root, 'doc')),
        (root) => write(root, 'doc', 'edited', { mtime: nowSeconds() + off }),
      ])
      expect([...tree.keys()]).toEqual(['doc'])
      expect(contents(world.nodes[0]!, tree)).toEqual(['edited'])
    },
  )

  it('keep what was written into a folder that the other device deleted', async () => {
    const before = (root: string): void => (write(root, 'folder/old', 'old'), write(root, 'folder/sub/old', 'old'))
    await using world = await World.of(['A', 'B'])
    const tree = await meetAgain(world, before, [
      (root) => rmSync(join(root, 'folder'), { recursive: true }),
      (root) => write(root, 'folder/sub/new', 'new'),
    ])
    expect([...tree.keys()]).toEqual(['folder', 'folder/sub', 'folder/sub/new'])
  })

  it('make no copy of a copy', async () => {
    const before = (root: string): void => write(root, 'doc.txt', 'original')
    const edit = (name: string, round: number) => (root: string) => write(root, 'doc.txt', `round ${round} by ${name}`)
    await using world = await World.of(['A', 'B'])
    const tree = await meetAgain(world, before, [edit('A', 1), edit('B', 1)])
    const [copy] = copies(tree)
    await world.stop()
    for (const node of world.nodes) write(node.folder, copy!, `the copy, edited by ${node.name}`)
    await world.start()
    const after = await settle(world.nodes)
    expect(copies(after)).toHaveLength(2)
    for (const path of copies(after)) expect(path.match(/conflicted copy/g)).toHaveLength(1)
    expect(contents(world.nodes[1]!, after)).toContain('the copy, edited by A')
    expect(contents(world.nodes[1]!, after)).toContain('the copy, edited by B')
  })
})
