import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ControlServer } from '../../src/control/control-server.ts'
import { prepareHome } from '../../src/node/home.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { FakeNode, folderStatus, scrubStatus } from '../control/fake-node.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { runInMemory } from './run-in-memory.ts'

const damage = { path: 'a.txt', reason: 'its bytes are damaged on this disk' }

let base: string
let node: FakeNode
let server: ControlServer
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'p2psync-scrub-')))
  const home = await prepareHome(join(base, 'home'))
  node = new FakeNode(home.path)
  node.folders = [folderStatus({ path: base }), folderStatus({ path: '/paused', state: 'paused' })]
  server = new ControlServer({ clock: systemClock, logger: silentLogger }, { home: home.path })
  await server.start()
  server.serve(node)
})
afterEach(async () => {
  await server.stop()
  await rm(base, { recursive: true })
})

async function run(...argv: readonly string[]): Promise<{ code: number; stdout: string }> {
  const cli = runInMemory(argv, { home: join(base, 'home'), workingFolder: base })
  return { code: await cli.exitCode, stdout: cli.stdout() }
}

it('begins in all folders that are not paused, or in one, and ends it', async () => {
  expect(await run('scrub')).toEqual({
    code: 0,
    stdout: `Reading ${base}: 99 % (1,234 files, 1.23 GB): 0 damaged files, 0 repaired\nSee how far it is: p2psync status\n`,
  })
  expect(node.folders.map(({ scrub }) => scrub?.running)).toEqual([true, undefined])
  expect((await run('status', '.')).stdout).toContain('scrub      99 % (1,234 files, 1.23 GB)')
  expect((await run('scrub', '.', '--stop')).stdout).toContain(`Stopped reading ${base}: 1,234 files`)
  expect(node.folders[0]!.scrub!.running).toBe(false)
  expect((await run('scrub', './nothing')).code).toBe(1)
  expect((await run('scrub', '--stop', '--wait')).code).toBe(2)
})

it('says how often it begins by itself', async () => {
  expect(await run('scrub', '.', '--every', '7')).toEqual({
    code: 0,
    stdout: `${base} is read again by itself every 7 days\n`,
  })
  expect((await run('scrub', '.', '--every', '0')).stdout).toBe(`${base} is read again never by itself\n`)
  expect((await run('scrub', '.', '--every', 'often')).code).toBe(2)
  expect((await run('scrub', '.', '--every', '9999')).code).toBe(2)
})

it('waits for the end, and fails when something stays damaged', async () => {
  const ended = node.status.bind(node)
  let asked = 0
  node.status = async () => {
    asked++
    if (asked === 2)
      node.folders = [folderStatus({ path: base, scrub: scrubStatus({ damaged: 1, unrepaired: [damage] }) })]
    return ended()
  }
  const { code, stdout } = await run('scrub', '.', '--wait')
  expect(code).toBe(1)
  expect(stdout).toBe(
    `Read ${base}: 1,234 files, 1.23 GB: 1 damaged file, 0 repaired\n  a.txt: its bytes are damaged on this disk\n`,
  )
})

it('prints the same as JSON', async () => {
  const { folders } = JSON.parse((await run('scrub', '--json')).stdout) as { folders: unknown }
  expect(folders).toEqual([{ path: base, scrub: scrubStatus({ running: true }) }])
})
