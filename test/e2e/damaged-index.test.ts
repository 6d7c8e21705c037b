import { readdirSync, statSync, truncateSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openLevelStore } from '../../src/file-index/level-store.ts'
import { readTree } from './folder-tree.ts'
import type { NodeProcess } from './node-process.ts'
import { settle, World } from './world.ts'
import { noise, write } from './write-files.ts'

describe('a node whose index is damaged', () => {
  it.each([
    ['its tables are cut off', cutTables],
    ['a row of it is garbage', spoilRow],
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
    await harm(a)
    await a.start()
    // A record that is garbage may be found by nobody before its file is looked at.
    utimesSync(join(a.folder, '7', '187'), 1e9, 1e9)
    await a.until(async () => (await a.status())?.notice !== '', 'the damage to be found')
    const tree = await settle(world.nodes)
    expect([...tree.keys()]).toEqual([...expected.keys()])
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

function cutTables(node: NodeProcess): Promise<void> {
  const index = join(indexParent(node), 'index')
  const tables = readdirSync(index).filter((name) => name.endsWith('.ldb'))
  expect(tables).not.toEqual([])
  for (const name of tables) truncateSync(join(index, name), statSync(join(index, name)).size >> 1)
  return Promise.resolve()
}

/** Its head is that of a row, what it says is garbage: only who needs all of it can know. */
async function spoilRow(node: NodeProcess): Promise<void> {
  const store = await openLevelStore(join(indexParent(node), 'index'))
  const key = Buffer.concat([Buffer.from('r7'), Buffer.of(0), Buffer.from('187')])
  const row = Buffer.from((await store.get(key))!)
  await store.batch([{ type: 'put', key, value: row.fill(0xa5, row.length - 20) }], { durable: true })
  await store.close()
}
