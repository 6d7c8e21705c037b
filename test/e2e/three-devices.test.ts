import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readTree } from './folder-tree.ts'
import type { NodeProcess } from './node-process.ts'
import { settle, World } from './world.ts'
import { noise, write, writeEveryKind } from './write-files.ts'

type Three = readonly [NodeProcess, NodeProcess, NodeProcess]

const line = [
  ['A', 'B'],
  ['B', 'C'],
] as const

describe('three devices in a line, where A and C never meet', () => {
  it('carry everything from one end to the other, and back', async () => {
    await using world = await World.of(['A', 'B', 'C'], { links: line })
    const [a, , c] = world.nodes as unknown as Three
    writeEveryKind(a.folder)
    const expected = readTree(a.folder)
    await world.start()
    await settle(world.nodes, { expected })
    renameSync(join(c.folder, 'sizes'), join(c.folder, 'renamed by C'))
    rmSync(join(c.folder, 'deep'), { recursive: true })
    write(c.folder, 'new from C', noise(500_000, 1))
    const changed = readTree(c.folder)
    await settle(world.nodes, { expected: changed })
    const met = (await a.peers()).flatMap((peer) => (peer.connectedSince === null ? [] : [peer.name]))
    expect(met).toEqual(['B'])
    expect((await c.status())?.conflicts).toBe(0)
  })

  it('carry changes from end to end when the ends are never up at once', async () => {
    await using world = await World.of(['A', 'B', 'C'], { links: line })
    const [a, b, c] = world.nodes as unknown as Three
    for (let i = 0; i < 40; i++) write(a.folder, `folder/${i}`, noise(i * 5000, i))
    await world.start([a, b])
    const first = await settle([a, b], { expected: readTree(a.folder), honest: true })
    await a.stop()
    await c.start()
    await settle([b, c], { expected: first, honest: true })

    rmSync(join(c.folder, 'folder/1'))
    write(c.folder, 'folder/2', 'edited on C')
    renameSync(join(c.folder, 'folder/3'), join(c.folder, 'three'))
    const second = readTree(c.folder)
    await settle([b, c], { expected: second })
    await c.stop()
    await a.start()
    await settle([a, b], { expected: second })
    expect((await a.status())?.conflicts).toBe(0)
  })

  it('resolve a conflict of the ends through the middle, the same on all', async () => {
    await using world = await World.of(['A', 'B', 'C'], { links: line })
    const [a, b, c] = world.nodes as unknown as Three
    write(a.folder, 'doc.txt', 'original')
    await world.start()
    await settle(world.nodes)
    await world.stop([a, c])
    write(a.folder, 'doc.txt', 'edited by A')
    write(c.folder, 'doc.txt', 'edited by C')
    await a.start()
    await settle([a, b])
    await a.stop()
    await c.start()
    await settle([b, c])
    await a.start()
    const tree = await settle(world.nodes)
    const copies = [...tree.keys()].filter((path) => path.includes('conflicted copy'))
    expect(tree.size).toBe(2)
    expect(copies).toHaveLength(1)
    for (const node of world.nodes) expect((await node.status())?.conflicts).toBe(1)
  })
})

describe('three devices that all know each other', () => {
  it('end alike when each writes its own files at once, and none is lost', async () => {
    await using world = await World.of(['A', 'B', 'C'])
    await world.start()
    for (let i = 0; i < 60; i++) {
      const node = world.nodes[i % 3]!
      write(node.folder, `of ${node.name}/${i}`, noise(i * 3000, i))
    }
    const tree = await settle(world.nodes)
    const files = [...tree.values()].filter((entry) => entry.text.startsWith('file'))
    expect(files).toHaveLength(60)
    for (const node of world.nodes) expect((await node.status())?.conflicts).toBe(0)
  })

  it('go on when one of them is gone, and tell it everything when it comes back', async () => {
    await using world = await World.of(['A', 'B', 'C'])
    const [a, b, c] = world.nodes as unknown as Three
    write(a.folder, 'file', 'one')
    await world.start()
    await settle(world.nodes)
    await b.stop('SIGKILL')
    write(a.folder, 'file', 'two')
    write(c.folder, 'of C', 'c')
    await settle([a, c])
    await b.start()
    const tree = await settle(world.nodes)
    expect([...tree.keys()]).toEqual(['file', 'of C'])
    expect((await b.status())?.conflicts).toBe(0)
  })
})
