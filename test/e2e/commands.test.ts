import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { FolderStatus, PeerStatus } from '../../src/node/node-api.ts'
import { readTree } from './folder-tree.ts'
import { freshPort, NodeProcess, runCli } from './node-process.ts'
import { repository } from './program.ts'
import { Scratch } from './scratch.ts'
import { settle, World } from './world.ts'
import { write } from './write-files.ts'

describe('the command line', () => {
  it('says 0 done, 1 failed, 2 wrong usage, 3 no node', async () => {
    using scratch = new Scratch()
    const home = ['--home', scratch.at('home')]
    const none = ['--home', scratch.at('nothing here')]
    const codes = await Promise.all(
      [
        ['--help'],
        ['--version'],
        ['start', '--help'],
        ['key', 'new'],
        ['start', join(repository, 'package.json'), ...home],
        [],
        ['sing'],
        ['start', '--sing'],
        ['start', ...none],
        ['start', scratch.at('a'), '--key', 'hello', ...home],
        ['status', ...none],
        ['peers', ...none],
        ['stop', ...none],
        ['key', 'show', scratch.at('a'), ...none],
      ].map(async (args) => [args[0] ?? '', (await runCli(args)).exitCode]),
    )
    expect(codes).toEqual([
      ['--help', 0],
      ['--version', 0],
      ['start', 0],
      ['key', 0],
      ['start', 1],
      ['', 2],
      ['sing', 2],
      ['start', 2],
      ['start', 2],
      ['start', 2],
      ['status', 3],
      ['peers', 3],
      ['stop', 3],
      ['key', 3],
    ])
  })

  it('speaks JSON where it is asked to', async () => {
    await using world = await World.of(['A', 'B'], { extra: { extra: ['--json'] } })
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    write(a.folder, 'file', '12345')
    await world.start()
    await settle(world.nodes)
    const { folders } = JSON.parse((await a.cli('status', '--json')).stdout) as { folders: FolderStatus[] }
    expect(folders).toMatchObject([
      { path: a.folder, state: 'in-sync', files: 1, bytes: 5, percent: 100, peersConnected: 1 },
    ])
    const { peers } = JSON.parse((await a.cli('peers', '--json')).stdout) as { peers: PeerStatus[] }
    expect(peers).toMatchObject([{ name: 'B', refused: null, folders: [{ path: a.folder, inSync: true }] }])
    expect(Date.now() - peers[0]!.connectedSince!).toBeLessThan(60_000)
    expect(await b.cli('stop', '--json')).toMatchObject({ exitCode: 0, stdout: '{"stopped":true}\n' })
    const lines = a.output.stdout.trim().split('\n')
    const types = lines.map((line) => (JSON.parse(line) as { type: string }).type)
    expect(types[0]).toBe('started')
    expect(types).toContain('peer-connected')
    expect(types).toContain('folder')
    const failed = await b.cli('status', '--json')
    expect(JSON.parse(failed.stderr)).toMatchObject({ error: { code: 'no-node' } })
  })

  it('tells a person the same', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    write(a.folder, 'file', '12345')
    await world.start()
    await settle(world.nodes)
    const status = (await b.cli('status')).stdout
    for (const part of [b.folder, 'in sync', '1 file', '1 connected']) expect(status).toContain(part)
    const peers = (await b.cli('peers')).stdout
    expect(peers).toContain('A ')
    expect(peers).toContain(`${b.folder}  in sync`)
    for (const line of ['connected to A\n', `in sync: ${b.folder} (1 file, 5 B)\n`]) {
      await b.until(() => b.output.stdout.includes(line), line)
    }
  })

  it('goes on with the folders of the last run when none is named', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    write(a.folder, 'file', 'x')
    await world.start()
    await settle(world.nodes)
    await b.stop()
    const { scratch } = world
    const again = new NodeProcess({ scratch, name: 'B', key: null, port: b.port, dials: [a.port] })
    const [, , ...options] = again.startArguments()
    const unnamed = runCli(['start', ...options], { environment: again.environment(), timeoutMs: 60_000 })
    try {
      await a.until(async () => (await b.status())?.state === 'in-sync', 'B to be in sync')
    } finally {
      await b.cli('stop')
    }
    expect((await unnamed).exitCode).toBe(0)
  })

  it('runs under an old Node of the system, by the one that npm ci brought', () => {
    const old = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => existsSync(path))
    const bin = join(repository, 'cli/bin.js')
    const result = spawnSync(old ?? process.execPath, [bin, 'key', 'new'], { encoding: 'utf8' })
    expect(result.stderr).toBe('')
    expect(result.stdout).toMatch(/^p2psyncw1/)
  })
})

describe('the README', () => {
  it('starts two devices by its first two commands, with what `npm run build` makes', async () => {
    const lines = readFileSync(join(repository, 'README.md'), 'utf8').match(/^.*npx p2psync start .*$/gm)!
    expect(lines[0]).toBe('npm ci && npx p2psync start ./folder')
    using scratch = new Scratch()
    const options = { scratch, program: buildPackage(scratch.at('package')) }
    const first = new NodeProcess({ ...options, name: 'A', key: null, port: freshPort(), dials: [] })
    const nodes = [first]
    try {
      await first.start()
      await first.until(() => first.output.stdout.includes('waiting'), 'the first lines')
      const typed = /^ {2}npx p2psync start \S+ --key (p2psyncw1\S+)$/m.exec(first.output.stdout)
      expect(lines[1]?.trim()).toBe('npx p2psync start ./folder --key p2psyncw1...')
      write(first.folder, 'hello', 'world')
      nodes.push(
        new NodeProcess({
          ...options,
          name: 'B',
          key: null,
          port: freshPort(),
          dials: [first.port],
          extra: ['--key', typed![1]!],
        }),
      )
      await nodes[1]!.start()
      await settle(nodes, { expected: readTree(first.folder) })
    } finally {
      for (const node of nodes) await node.stop('SIGKILL')
    }
  })
})

/** A package as npm would install it; returns what runs it. */
function buildPackage(path: string): readonly string[] {
  mkdirSync(join(path, 'cli'), { recursive: true })
  const built = spawnSync(process.execPath, [join(repository, 'scripts/build.ts'), join(path, 'dist')])
  expect(built.stdout.toString()).toBe('')
  const { files } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { readonly files: string[] }
  const scripts = files.filter((name) => name.startsWith('cli/'))
  for (const name of ['package.json', ...scripts]) copyFileSync(join(repository, name), join(path, name))
  linkDependencies(path)
  return [process.execPath, join(path, 'cli/bin.js')]
}

/** What npm installs with us; everything else is in the build. */
function linkDependencies(path: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  for (const name of Object.keys(dependencies)) {
    const link = join(path, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(repository, 'node_modules', name), link)
  }
}
