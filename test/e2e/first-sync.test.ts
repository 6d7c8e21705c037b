import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readTree } from './folder-tree.ts'
import { NodeProcess, freshPort, runCli } from './node-process.ts'
import { settle, World } from './world.ts'
import { folder, noise, write, writeEveryKind, writeLarge } from './write-files.ts'

describe('the first sync of two devices', () => {
  it('carries every kind of entry, every size and every odd name, with times and modes', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    writeEveryKind(a.folder)
    const expected = readTree(a.folder)
    await world.start()
    await settle(world.nodes, { expected, honest: true })
    expect(await b.status()).toMatchObject({
      conflicts: 0,
      problemCount: 0,
      percent: 100,
      needed: { files: 0, bytes: 0 },
    })
  })

  it('carries a file of many blocks to a device that comes later', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    writeLarge(a.folder, 'large', 64 * 1024 * 1024 + 4711, 1)
    const expected = readTree(a.folder)
    await a.start()
    await a.until(async () => (await a.status())?.state === 'waiting', 'its scan to end')
    await b.start()
    await settle(world.nodes, { expected, honest: true })
  })

  it('joins two folders that hold different files', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    for (let i = 0; i < 50; i++) {
      write(a.folder, `shared folder/of A ${i}`, `a${i}`)
      write(b.folder, `shared folder/of B ${i}`, `b${i}`)
    }
    const expected = new Map([...readTree(a.folder), ...readTree(b.folder)].toSorted(([x], [y]) => (x < y ? -1 : 1)))
    await world.start()
    await settle(world.nodes, { expected, honest: true })
  })

  it('makes no copy of what both had already, whatever its times', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    for (let i = 0; i < 20; i++) write(a.folder, `same/${i}`, noise(i * 9000, i), { mtime: 1_600_000_000 + i })
    cpSync(a.folder, b.folder, { recursive: true })
    const names = [...readTree(a.folder).keys()]
    await world.start()
    const tree = await settle(world.nodes, { honest: true })
    expect([...tree.keys()]).toEqual(names)
    expect((await a.status())?.conflicts).toBe(0)
  })

  it('does not need an address on one host: the nodes find each other in the runtime directory', async () => {
    await using world = await World.of(['A'])
    const runtimeFolder = world.scratch.at('runtime')
    const nodes = ['C', 'D'].map(
      (name) =>
        new NodeProcess({ scratch: world.scratch, name, key: world.key, port: freshPort(), dials: [], runtimeFolder }),
    )
    write(nodes[0]!.folder, 'hello', 'hello')
    try {
      await world.start(nodes)
      await settle(nodes, { honest: true, expected: readTree(nodes[0]!.folder) })
      expect((await nodes[0]!.peers()).map(({ name }) => name)).toEqual(['D'])
    } finally {
      await world.stop(nodes)
    }
  })

  it('leaves links that would lead out of the folder where they are, and says so', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    write(a.folder, 'good', 'good')
    symlinkSync('/etc/passwd', `${a.folder}/absolute`)
    symlinkSync('../../outside', `${a.folder}/escaping`)
    await world.start()
    await b.until(async () => readTree(b.folder).size === 1 && (await b.status())?.state === 'in-sync', 'the good file')
    const status = await a.status()
    expect(status?.problemCount).toBe(2)
    expect(status?.problems.map(({ path }) => path).toSorted()).toEqual(['absolute', 'escaping'])
    expect([...readTree(a.folder).keys()]).toEqual(['absolute', 'escaping', 'good'])
  })

  it('works when the folder is given as a link and by a key file', async () => {
    await using world = await World.of(['A', 'B'])
    const [a] = world.nodes as [NodeProcess, NodeProcess]
    write(a.folder, 'file', 'content')
    folder(a.folder, 'folder')
    await a.start()
    const keyFile = world.scratch.at('key.txt')
    writeFileSync(keyFile, `${world.key}\n`)
    chmodSync(keyFile, 0o600)
    mkdirSync(world.scratch.at('real'))
    symlinkSync(world.scratch.at('real'), world.scratch.at('alias'))
    const c = new NodeProcess({
      scratch: world.scratch,
      name: 'C',
      key: null,
      port: freshPort(),
      dials: [a.port],
      folder: world.scratch.at('alias'),
      extra: ['--key-file', keyFile],
    })
    try {
      await c.start()
      await settle([a, c], { honest: true, expected: readTree(a.folder) })
      const shown = await runCli(['key', 'show', world.scratch.at('alias'), '--home', c.home])
      expect(shown).toMatchObject({ exitCode: 0, stdout: `${world.key}\n` })
    } finally {
      await c.stop()
    }
  })
})
