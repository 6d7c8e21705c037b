import { existsSync, lstatSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readTree } from './folder-tree.ts'
import type { NodeProcess } from './node-process.ts'
import { settle, stagedFiles, World } from './world.ts'
import { noise, write, writeLarge } from './write-files.ts'

const largeBytes = 300 * 1024 * 1024
const mebibyte = 1024 * 1024

/** Waits until the node has staged that much, or all of it. */
async function untilStaged(node: NodeProcess, sizeBytes: number): Promise<void> {
  await node.until(
    () => stagedBytes(node) >= sizeBytes || existsSync(join(node.folder, 'large')),
    'the transfer to run',
  )
}

function stagedBytes(node: NodeProcess): number {
  if (!existsSync(join(node.folder, '.p2psync', 'staging'))) return 0
  // Blocks of memory on disk, not the length: a staged file may have its full length from the beginning.
  return stagedFiles(node).reduce((sum, name) => sum + bytesOnDisk(join(node.folder, '.p2psync', 'staging', name)), 0)
}

function bytesOnDisk(path: string): number {
  return (lstatSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512
}

describe('a node that is killed', () => {
  it.each([0, 1])(
    'in the middle of a transfer ends in sync after its restart (node %i of sender, receiver)',
    async (victim) => {
      await using world = await World.of(['A', 'B'])
      const [a, b] = world.nodes as [NodeProcess, NodeProcess]
      writeLarge(a.folder, 'large', largeBytes, 1)
      const expected = readTree(a.folder)
      await world.start()
      await untilStaged(b, 40 * mebibyte)
      const killed = world.nodes[victim]!
      await killed.stop('SIGKILL')
      expect(existsSync(join(b.folder, 'large'))).toBe(false)
      expect(readTree(b.folder).size).toBe(0)
      await killed.start()
      await settle(world.nodes, { expected, honest: true })
      expect((await b.status())?.conflicts).toBe(0)
    },
  )

  it('again and again while many small files arrive ends in sync, with every file whole at each moment', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    for (let i = 0; i < 3000; i++) write(a.folder, `${i % 30}/${i}`, noise(2000 + i, i))
    const expected = readTree(a.folder)
    await a.start()
    for (const share of [0.05, 0.4, 0.8]) {
      await b.start()
      await b.until(() => readTree(b.folder).size >= share * expected.size, 'some of the files')
      await b.stop('SIGKILL')
      const partial = [...readTree(b.folder)].filter(([path, entry]) => entry.text !== expected.get(path)?.text)
      expect(partial).toEqual([])
    }
    await b.start()
    await settle(world.nodes, { expected, honest: true })
    expect((await b.status())?.conflicts).toBe(0)
  })

  it('while both edit does not lose what was written last', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    for (let i = 0; i < 15; i++) write(a.folder, `${i}`, 'original')
    await world.start()
    await settle(world.nodes)
    for (let i = 0; i < 15; i++) write(a.folder, `${i}`, `edit ${i} of A`)
    await a.stop('SIGKILL')
    write(b.folder, 'of B', 'b')
    writeFileSync(join(a.folder, 'while off'), 'a')
    await a.start()
    const tree = await settle(world.nodes)
    expect(tree.size).toBe(17)
    for (let i = 0; i < 15; i++) expect(tree.get(`${i}`)).toEqual(readTree(a.folder).get(`${i}`))
    expect((await a.status())?.conflicts).toBe(0)
  })
})
