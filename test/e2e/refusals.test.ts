import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readTree } from './folder-tree.ts'
import { freshPort, NodeProcess, runCli } from './node-process.ts'
import { Scratch } from './scratch.ts'
import { settle, World } from './world.ts'
import { folder, write } from './write-files.ts'

/** What happened on one line, what to do next on another. */
const refusal = /^p2psync: .*\n[A-Z].*\.\n$/

describe('a start that cannot be', () => {
  it('on the home of a running node adds the folder to it, and says so', async () => {
    await using world = await World.of(['A'])
    const [a] = world.nodes as [NodeProcess]
    await a.start()
    const twice = await a.cli('start', world.scratch.at('second'))
    expect(twice.exitCode).toBe(1)
    expect(twice.stderr).toContain(`this key is of the folder ${a.folder}`)
    const environment = { XDG_RUNTIME_DIR: world.scratch.at('runtime-A') }
    const second = await runCli(['start', world.scratch.at('second'), '--home', a.home], { environment })
    expect(second).toMatchObject({ exitCode: 0 })
    expect(second.stdout).toContain('A node runs already')
    expect(second.stdout).toContain(world.scratch.at('second'))
    const status = JSON.parse((await a.cli('status', '--json')).stdout) as { folders: { path: string }[] }
    expect(status.folders.map(({ path }) => path)).toEqual([a.folder, world.scratch.at('second')])
  })

  it('on a folder of another node is refused', async () => {
    await using world = await World.of(['A'])
    const [a] = world.nodes as [NodeProcess]
    await a.start()
    const other = new NodeProcess({
      scratch: world.scratch,
      name: 'O',
      key: world.key,
      port: freshPort(),
      dials: [],
      folder: a.folder,
    })
    const result = await other.startInVain()
    expect(result.exitCode).toBe(1)
    expect(result.stderr).toContain(`another p2psync node syncs ${a.folder}`)
    expect(await a.status()).toMatchObject({ state: 'waiting' })
  })

  it.each([
    ['inside a synced one', 'A/sub', 'home-A'],
    ['around a synced one', '.', 'home-A'],
    ['inside one that another node syncs', 'A/sub', 'home-of-another'],
    ['around its own state', 'home-parent', 'home-parent/home'],
  ])('with a folder %s is refused', async (_where, path, home) => {
    await using world = await World.of(['A'])
    const [a] = world.nodes as [NodeProcess]
    folder(a.folder, 'sub')
    await a.start()
    const at = world.scratch.at(path)
    const result = await runCli(['start', at, '--home', world.scratch.at(home)])
    expect(result.exitCode).toBe(1)
    expect(result.stderr).toMatch(refusal)
    expect(existsSync(join(at, '.p2psync'))).toBe(false)
  })

  it('on a busy port, on a file or with a malformed address says what to do', async () => {
    await using world = await World.of(['A'])
    const [a] = world.nodes as [NodeProcess]
    await a.start()
    writeFileSync(world.scratch.at('file'), '')
    const attempt = (name: string, options: { port?: number; extra?: readonly string[]; folder?: string } = {}) =>
      new NodeProcess({
        scratch: world.scratch,
        name,
        key: world.key,
        port: freshPort(),
        dials: [],
        ...options,
      }).startInVain()
    const results = {
      port: await attempt('busy', { port: a.port }),
      file: await attempt('file'),
      address: await attempt('address', { extra: ['--peer', '/ip4/nowhere'] }),
    }
    expect(results.port.stderr).toContain(String(a.port))
    expect(results.file.stderr).toContain(world.scratch.at('file'))
    expect(results.address.stderr).toContain('/ip4/nowhere')
    expect(Object.values(results).map((result) => result.exitCode)).toEqual([1, 1, 2])
    for (const { stderr } of Object.values(results)) expect(stderr).toMatch(refusal)
  })

  it.skipIf(process.getuid?.() === 0)(
    'in a folder that may not be written says so (root may write everywhere)',
    async () => {
      using scratch = new Scratch()
      mkdirSync(scratch.at('closed'), { mode: 0o500 })
      const result = await runCli(['start', scratch.at('closed', 'folder'), '--home', scratch.at('home'), '--no-mdns'])
      chmodSync(scratch.at('closed'), 0o700)
      expect(result.exitCode).toBe(1)
      expect(result.stderr).toContain(scratch.at('closed'))
    },
  )
})

describe('a folder whose marker is gone', () => {
  it('is not started, and nothing is deleted on the other device', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    write(a.folder, 'precious/file', 'precious')
    const expected = readTree(a.folder)
    await world.start()
    await settle(world.nodes, { expected })
    await b.stop()
    rmSync(b.folder, { recursive: true })
    mkdirSync(b.folder)
    const refused = await b.startInVain()
    expect(refused.exitCode).toBe(1)
    expect(refused.stderr).toContain('--relink')
    expect(readTree(b.folder).size).toBe(0)
    expect(readTree(a.folder)).toEqual(expected)

    const relinked = new NodeProcess({
      scratch: world.scratch,
      name: 'B',
      key: world.key,
      port: b.port,
      dials: [a.port],
      extra: ['--relink'],
    })
    try {
      await relinked.start()
      await settle([a, relinked], { expected })
    } finally {
      await relinked.stop('SIGKILL')
    }
  })

  it('stops syncing while the node runs, and goes on when it is back', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    write(a.folder, 'precious/file', 'precious')
    const expected = readTree(a.folder)
    await world.start()
    await settle(world.nodes, { expected })
    renameSync(b.folder, `${b.folder} away`)
    mkdirSync(b.folder)
    write(a.folder, 'new', 'new')
    await b.until(async () => (await b.status())?.state === 'stopped', 'it to see that the folder is gone')
    expect(readTree(b.folder).size).toBe(0)
    expect([...readTree(a.folder).keys()]).toEqual(['new', 'precious', 'precious/file'])
    const shown = await b.cli('status')
    expect(shown.stdout).toContain('stopped: the folder is not there')
    rmSync(b.folder, { recursive: true })
    renameSync(`${b.folder} away`, b.folder)
    await settle(world.nodes, { expected: readTree(a.folder) })
  })
})

describe('a state directory that was copied', () => {
  it('stops both nodes that run on it, which say what to do, and then go on as two devices', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    write(a.folder, 'file', 'one')
    await a.start()
    await a.stop()
    cpSync(a.folder, b.folder, { recursive: true })
    cpSync(a.home, b.home, { recursive: true })
    const settings = join(b.home, 'node.json')
    writeFileSync(settings, readFileSync(settings, 'utf8').replaceAll(a.folder, b.folder))
    await world.start()
    const isStopped = async (node: NodeProcess): Promise<boolean> => (await node.status())?.state === 'stopped'
    await Promise.all(world.nodes.map((node) => node.until(() => isStopped(node), 'it to stop', 20_000)))
    const text = (await b.cli('status')).stdout
    expect(text).toContain('another p2psync has the key of this device')
    expect(text).toContain(`remove ${join(b.home, 'device.key')} there`)
    write(a.folder, 'file', 'of A')
    write(b.folder, 'file', 'of B')
    await world.stop()
    rmSync(join(b.home, 'device.key'))
    await world.start()
    await settle(world.nodes)
    const texts = readdirSync(a.folder).filter((name) => name.startsWith('file'))
    expect(texts.map((name) => readFileSync(join(a.folder, name), 'utf8')).toSorted()).toEqual(['of A', 'of B'])
  })
})
