import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { blake3 } from 'hash-wasm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { act, actions, copiesOf, leaves, originalText, type Action } from './conflict-actions.ts'
import type { Tree } from './folder-tree.ts'
import type { NodeProcess } from './node-process.ts'
import { settle, World } from './world.ts'
import { write } from './write-files.ts'

const copyName = /^(.+) \((A|B|C)'s conflicted copy (\d{4}-\d{2}-\d{2}) ([0-9a-f]{8})\)(\.txt)?$/

const pairs = actions.flatMap((ofA) => actions.map((ofB) => [ofA, ofB] as const))

describe('two devices change the same file while they are apart', () => {
  let world: World
  let nodes: readonly [NodeProcess, NodeProcess]
  let tree: Tree
  beforeAll(async () => {
    world = await World.of(['A', 'B'])
    nodes = world.nodes as unknown as typeof nodes
    for (const [ofA, ofB] of pairs) write(nodes[0].folder, `${ofA} - ${ofB}/doc.txt`, originalText)
    await world.start()
    await settle(nodes)
    // All files change, and nobody is to be asked.
    for (const node of nodes) expect(await node.cli('guard', node.folder, '--off')).toMatchObject({ exitCode: 0 })
    await world.stop()
    for (const [ofA, ofB] of pairs) {
      act(ofA, join(nodes[0].folder, `${ofA} - ${ofB}`), 'A')
      act(ofB, join(nodes[1].folder, `${ofA} - ${ofB}`), 'B')
    }
    await world.start()
    tree = await settle(nodes)
  })
  afterAll(async () => world[Symbol.asyncDispose]())

  describe.each(pairs)('A: %s, B: %s', (ofA, ofB) => {
    it('loses no content, on either device', () => {
      for (const node of nodes) {
        const contents = contentsBelow(join(node.folder, `${ofA} - ${ofB}`))
        for (const content of [...leaves(ofA, 'A'), ...leaves(ofB, 'B')]) expect(contents).toContain(content)
      }
    })

    it('makes exactly the copies that are needed, under the right names', async () => {
      const below = `${ofA} - ${ofB}/`
      const copies = [...tree.keys()].filter((path) => path.startsWith(below) && copyName.test(basename(path)))
      expect(copies).toHaveLength(copiesOf(ofA, ofB))
      for (const path of copies) await expectNameOfLoser(join(nodes[0].folder, path))
    })

    it('leaves nothing that nobody made', () => {
      const below = `${ofA} - ${ofB}/`
      const names = [...tree.keys()].filter((path) => path.startsWith(below) && !copyName.test(basename(path)))
      expect(names.map((path) => path.slice(below.length)).toSorted()).toEqual(expectedNames(ofA, ofB))
    })
  })

  it('counts the copies in the status of both devices', async () => {
    const expected = pairs.reduce((sum, [ofA, ofB]) => sum + copiesOf(ofA, ofB), 0)
    for (const node of nodes) expect((await node.status())?.conflicts).toBe(expected)
  })
})

function contentsBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true }).flatMap((name) => {
    const path = join(folder, String(name))
    const stat = lstatSync(path)
    if (stat.isSymbolicLink()) return [readlinkSync(path)]
    return stat.isFile() ? [readFileSync(path, 'utf8')] : []
  })
}

// The loser says its own name: its device, its day, the start of its hash.
async function expectNameOfLoser(path: string): Promise<void> {
  const [, stem, device, day, hash, extension = ''] = copyName.exec(basename(path))!
  const stat = lstatSync(path)
  const content = stat.isSymbolicLink() ? readlinkSync(path) : readFileSync(path, 'utf8')
  expect(['doc.txt', 'inner.txt']).toContain(`${stem}${extension}`)
  expect(content.endsWith(` ${device}`)).toBe(true)
  expect(day).toBe(stat.mtime.toISOString().slice(0, 10))
  expect((await blake3(content)).startsWith(hash!)).toBe(true)
}

function expectedNames(ofA: Action, ofB: Action): readonly string[] {
  const made: Readonly<Record<Action, (device: string) => readonly string[]>> = {
    edit: () => ['doc.txt'],
    delete: () => [],
    rename: (device) => [`renamed by ${device}.txt`],
    'to folder': () => ['doc.txt', 'doc.txt/inner.txt'],
    'to link': () => ['doc.txt'],
  }
  return [...new Set([...made[ofA]('A'), ...made[ofB]('B')])].toSorted()
}
