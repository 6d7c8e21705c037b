import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTree } from './folder-tree.ts'
import type { NodeProcess } from './node-process.ts'
import { settle, World } from './world.ts'
import { folder, link, noise, oddNames, write } from './write-files.ts'

/** Each change is made on one device while both run, and has a folder of its own. */
const changes: readonly { readonly name: string; before?: (root: string) => void; change: (root: string) => void }[] = [
  {
    name: 'new files of every size, and an empty one',
    change: (root) => {
      for (const size of [0, 1, 65_535, 65_536, 65_537, 5_000_000]) write(root, `new ${size}`, noise(size, size + 1))
    },
  },
  { name: 'new folders, with and without files', change: (root) => (folder(root, 'a/b/c'), write(root, 'd/e/f', 'f')) },
  {
    name: 'odd names',
    change: (root) => {
      for (const name of oddNames) write(root, name, name)
    },
  },
  {
    name: 'an edit in place, in the middle of a large file',
    before: (root) => write(root, 'large', noise(4_000_000, 3)),
    change: (root) => write(root, 'large', Buffer.concat([noise(2_000_000, 3), Buffer.from('!'), noise(1_999_999, 4)])),
  },
  {
    name: 'an append and a cut',
    before: (root) => (write(root, 'grows', noise(300_000, 5)), write(root, 'shrinks', noise(300_000, 6))),
    change: (root) => (appendFileSync(`${root}/grows`, 'more'), writeFileSync(`${root}/shrinks`, noise(70_000, 6))),
  },
  {
    name: 'an edit of the same size and the same mtime',
    before: (root) => write(root, 'file', 'one', { mtime: 1_700_000_000 }),
    change: (root) => write(root, 'file', 'two', { mtime: 1_700_000_000 }),
  },
  {
    name: 'a save by rename, as editors do it',
    before: (root) => write(root, 'text', 'old'),
    change: (root) => (write(root, '.text.swp', 'new'), renameSync(`${root}/.text.swp`, `${root}/text`)),
  },
  {
    name: 'deletions of a file, a link, an empty and a full folder',
    before: (root) => {
      write(root, 'file', 'x')
      link(root, 'link', 'file')
      folder(root, 'empty')
      for (let i = 0; i < 30; i++) write(root, `full/sub ${i % 3}/${i}`, `${i}`)
    },
    change: (root) =>
      ['file', 'link', 'empty', 'full'].forEach((name) => rmSync(`${root}/${name}`, { recursive: true })),
  },
  {
    name: 'a rename and a move to another folder',
    before: (root) => (write(root, 'from/one', noise(200_000, 7)), write(root, 'from/two', 'two'), folder(root, 'to')),
    change: (root) => (
      renameSync(`${root}/from/one`, `${root}/to/one`),
      renameSync(`${root}/from/two`, `${root}/from/2`)
    ),
  },
  {
    name: 'two files that change places',
    before: (root) => (write(root, 'x', 'was x'), write(root, 'y', noise(100_000, 8))),
    change: (root) => (
      renameSync(`${root}/x`, `${root}/z`),
      renameSync(`${root}/y`, `${root}/x`),
      renameSync(`${root}/z`, `${root}/y`)
    ),
  },
  {
    name: 'a whole folder renamed, and files in it changed at once',
    before: (root) => {
      for (let i = 0; i < 200; i++) write(root, `old name/sub ${i % 10}/${i}`, noise(i * 700, i))
    },
    change: (root) => {
      renameSync(`${root}/old name`, `${root}/new name`)
      write(root, 'new name/sub 3/3', 'edited')
      unlinkSync(`${root}/new name/sub 4/4`)
    },
  },
  {
    name: 'a file that becomes a folder, a folder that becomes a file',
    before: (root) => (write(root, 'file', 'x'), write(root, 'folder/a/b', 'b'), folder(root, 'hollow')),
    change: (root) => {
      unlinkSync(`${root}/file`)
      write(root, 'file/inside/deep', 'now a folder')
      rmSync(`${root}/folder`, { recursive: true })
      write(root, 'folder', 'now a file')
      rmSync(`${root}/hollow`, { recursive: true })
      symlinkSync('file', `${root}/hollow`)
    },
  },
  {
    name: 'a file that becomes a link, a link that becomes a file, a link with another target',
    before: (root) => (write(root, 'file', 'x'), link(root, 'link', 'file'), link(root, 'other', 'file')),
    change: (root) => {
      for (const name of ['file', 'link', 'other']) unlinkSync(`${root}/${name}`)
      symlinkSync('link', `${root}/file`)
      write(root, 'link', 'a file now')
      symlinkSync('elsewhere', `${root}/other`)
    },
  },
  {
    name: 'the executable bit and the mtime alone',
    before: (root) => {
      write(root, 'run', 'x')
      write(root, 'no run', 'x', { executable: true })
      write(root, 'time', noise(100_000, 9))
    },
    change: (root) => {
      chmodSync(`${root}/run`, 0o755)
      chmodSync(`${root}/no run`, 0o644)
      utimesSync(`${root}/time`, 1_500_000_000, 1_500_000_000.5)
    },
  },
  {
    name: 'a file that is deleted and made again',
    before: (root) => write(root, 'again', 'first'),
    change: (root) => (unlinkSync(`${root}/again`), write(root, 'again', 'second')),
  },
]

describe('a change while both devices run', () => {
  let world: World
  let a: NodeProcess
  let b: NodeProcess
  beforeAll(async () => {
    world = await World.of(['A', 'B'])
    ;[a, b] = world.nodes as [NodeProcess, NodeProcess]
    for (const [index, { before }] of changes.entries()) {
      folder(a.folder, `${index}`)
      before?.(`${a.folder}/${index}`)
    }
    await world.start()
    await settle(world.nodes)
  })
  afterAll(async () => world[Symbol.asyncDispose]())

  it.each(changes.map((change, index) => [change.name, index] as const))('carries over %s', async (_name, index) => {
    changes[index]!.change(`${a.folder}/${index}`)
    const expected = readTree(a.folder)
    await settle(world.nodes, { expected })
    expect((await b.status())?.conflicts).toBe(0)
  })

  it.each(['A', 'B'])('carries over what %s changes, in turns', async (name) => {
    const node = name === 'A' ? a : b
    mkdirSync(`${node.folder}/turns`, { recursive: true })
    for (let i = 0; i < 5; i++) {
      write(node.folder, 'turns/file', `${name} ${i}`)
      await settle(world.nodes, { expected: readTree(node.folder) })
    }
    expect((await a.status())?.conflicts).toBe(0)
  })

  it('carries over a burst of changes to the same files, to the last one', async () => {
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 10; i++) write(a.folder, `burst/${i}`, `${round} of ${i}`.repeat(round * 50))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await settle(world.nodes, { expected: readTree(a.folder) })
    expect((await b.status())?.conflicts).toBe(0)
  })

  it('carries over edits of both devices at once to different files', async () => {
    for (let i = 0; i < 100; i++) write([a, b][i % 2]!.folder, `both/${i}`, `${i}`)
    const tree = await settle(world.nodes)
    expect([...tree.keys()].filter((path) => path.startsWith('both/'))).toHaveLength(100)
  })
})
