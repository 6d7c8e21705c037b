import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readTree } from './folder-tree.ts'
import type { NodeProcess } from './node-process.ts'
import { settle, World } from './world.ts'
import { noise, write } from './write-files.ts'

describe('a node whose index is damaged', () => {
  it.each([
    ['its tables are cut off', cutTables],
    ['its file CURRENT is gone', loseCurrent],
  ])('because %s builds it anew: nothing is deleted or copied, and it says so', async (_, harm) => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    for (let i = 0; i < 200; i++) write(a.folder, `${i % 10}/${i}`, noise(1000 + i * 700, i))
    const expected = readTree(a.folder)
    await world.start()
    await settle(world.nodes, { expected })
    await a.stop()
    // A start writes the log of the one before into a table.
    await a.start()
    await a.stop()
    harm(a)
    await a.start()
    await settle(world.nodes, { expected })
    const status = await a.status()
    const aside = readdirSync(indexParent(a)).find((name) => name.startsWith('index.damaged-'))!
    expect(status?.notice).toContain(join(indexParent(a), aside))
    expect([status?.conflicts, (await b.status())?.conflicts, (await b.status())?.notice]).toEqual([0, 0, ''])
    expect((await a.cli('status')).stdout).toContain('the index was damaged and is built anew')
    expect(`${a.output.stdout}${a.output.stderr}`).toContain('the index was damaged and is built anew')
  })
})

function indexParent(node: NodeProcess): string {
  const folders = join(node.home, 'folders')
  return join(folders, readdirSync(folders)[0]!)
}

function cutTables(node: NodeProcess): void {
  const index = join(indexParent(node), 'index')
  const tables = readdirSync(index).filter((name) => name.endsWith('.ldb'))
  expect(tables).not.toEqual([])
  for (const name of tables) truncateSync(join(index, name), statSync(join(index, name)).size >> 1)
}

function loseCurrent(node: NodeProcess): void {
  rmSync(join(indexParent(node), 'index', 'CURRENT'))
}
