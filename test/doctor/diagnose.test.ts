import { chmod, link, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ControlServer } from '../../src/control/control-server.ts'
import { openLevelStore } from '../../src/file-index/level-store.ts'
import { metaKeys } from '../../src/file-index/index-keys.ts'
import { controlSocketPath } from '../../src/node/control-socket.ts'
import { noSettings, saveSettings } from '../../src/node/node-settings.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { FakeNode, folderStatus } from '../control/fake-node.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { DoctorWorld } from './doctor-world.ts'

let world: DoctorWorld
let toClose: (() => Promise<unknown>)[]
beforeEach(async () => {
  world = await DoctorWorld.make()
  toClose = []
})
afterEach(async () => {
  for (const close of toClose) await close()
  await world.remove()
})

const inFolder = (name: string): string => join(world.folder, name)

async function listening(server: Server, at: string | number): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(at, resolve))
  toClose.push(() => new Promise((resolve) => void server.close(resolve)))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function runningNode(): Promise<FakeNode> {
  const node = new FakeNode(world.home.path)
  const server = new ControlServer({ clock: systemClock, logger: silentLogger }, { home: world.home.path })
  await server.start()
  toClose.push(() => server.stop())
  server.serve(node)
  return node
}

it('has nothing to say when nothing is wrong, and says what it looked at', async () => {
  const findings = await world.diagnose()
  expect(findings.filter(({ result }) => result !== 'ok')).toEqual([])
  const checks = new Set(findings.map(({ check }) => check))
  for (const check of ['node-version', 'clock', 'inotify', 'marker', 'database', 'lock', 'names-twins']) {
    expect(checks).toContain(check)
  }
})

it('makes nothing that is not there', async () => {
  await rm(world.state.indexFolder, { recursive: true })
  const before = [await readdir(world.state.path), await readdir(inFolder('.p2psync'))]
  expect(await world.complaints()).toEqual([])
  expect([await readdir(world.state.path), await readdir(inFolder('.p2psync'))]).toEqual(before)
})

it('says what to do of everything that is wrong', async () => {
  world.nodeVersion = 'v18.1.0'
  world.space = { ...world.space, freeBytes: 0 }
  world.texts.clear()
  await rm(world.folder, { recursive: true })
  const wrong = (await world.diagnose()).filter(({ result }) => result !== 'ok')
  expect(wrong.length).toBeGreaterThan(2)
  expect(wrong.filter(({ hint }) => hint === '')).toEqual([])
})

describe('of the computer', () => {
  it.each([
    ['an old Node.js', () => (world.nodeVersion = 'v22.21.1'), 'problem node-version: Node.js v22.21.1 is older'],
    ['no network', () => (world.hasNetwork = false), 'warning mdns-route: this computer has no network address'],
    ['no multicast', () => world.texts.set('/proc/net/route', 'Iface\n'), 'problem mdns-route: there is no route'],
    ['a clock of long ago', () => (world.now = 0), 'problem clock: the clock says 1970-01-01'],
    ['a clock that went back', () => (world.now -= 3_600_000), 'warning clock: the clock says'],
    [
      'too few watches',
      () => world.texts.set('/proc/sys/user/max_inotify_watches', '0\n'),
      'problem inotify: 1 folder to watch, the limit is 0 (user.max_inotify_watches)',
    ],
    [
      'hardly enough watches',
      () => world.texts.set('/proc/sys/fs/inotify/max_user_watches', '1\n'),
      'warning inotify: 1 folder to watch, the limit is 1',
    ],
    [
      'few instances',
      () => world.texts.set('/proc/sys/fs/inotify/max_user_instances', '4\n'),
      'warning inotify: only 4 programs',
    ],
    ['a full disk', () => (world.space = { ...world.space, freeBytes: 1024 }), 'problem space: 0 MiB of'],
    ['a disk that fills', () => (world.space = { ...world.space, freeBytes: 2 ** 29 }), 'warning space: 512 MiB of'],
    ['no inodes', () => (world.space = { ...world.space, freeFiles: 3 }), 'problem space: only 3 more files'],
    ['NFS', () => (world.space = { ...world.space, type: 0x6969 }), 'warning file-system:'],
    ['CIFS, by a number below zero', () => (world.space = { ...world.space, type: -0xacb2be }), 'warning file-system:'],
  ])('tells of %s', async (_, spoil, complaint) => {
    spoil()
    expect((await world.complaints()).join('\n')).toContain(complaint)
  })
})

describe('of the state directory', () => {
  it('tells of a key that others may read, and of what belongs to somebody else', async () => {
    for (const mode of [0o640, 0o604]) {
      await chmod(world.state.keyFile, mode)
      expect(await world.complaints()).toEqual([`problem state-permissions: others may use ${world.state.keyFile}`])
    }
    world.userId = 123_456
    expect((await world.complaints()).join('\n')).toContain(`${world.home.path} belongs to another user`)
  })

  it('tells of settings that are damaged', async () => {
    await writeFile(world.home.settingsFile, '{', { mode: 0o600 })
    expect((await world.complaints()).join('\n')).toContain('problem settings:')
  })

  it('tells of a folder key that is gone or cannot be read', async () => {
    await writeFile(world.state.keyFile, 'p2psyncw1nonsense')
    expect((await world.complaints()).join('\n')).toContain('problem folder-key: its key cannot be used')
    await rm(world.state.keyFile)
    expect(await world.complaints()).toEqual(['problem folder-key: its key is not in the state directory'])
  })

  it('tells of a usual port that another program has', async () => {
    const port = await listening(createServer(), 0)
    await saveSettings(world.home, { ...noSettings, port, folders: [world.known] })
    expect(await world.complaints()).toEqual([
      `warning port: the usual port ${port} cannot be used (EADDRINUSE): the next start takes another one`,
    ])
  })
})

describe('with a running node', () => {
  it('asks it, and leaves alone what it has open', async () => {
    const node = await runningNode()
    node.folders = [folderStatus({ path: world.folder })]
    const checks = (await world.diagnose()).map(({ check }) => check)
    expect(checks).toContain('status')
    expect(checks).not.toContain('database')
    // It listens on loopback.
    expect(await world.complaints()).toEqual([expect.stringContaining('warning listening: the node listens on this')])
  })

  it('tells of a folder that is stopped, has problems, or was not started', async () => {
    const node = await runningNode()
    expect((await world.complaints()).join('\n')).toContain('problem status: the node that runs does not sync it')
    node.folders = [folderStatus({ path: world.folder, state: 'stopped', reason: 'no disk', hint: 'mount it' })]
    expect((await world.complaints()).join('\n')).toContain('problem status: it is stopped: no disk')
    const problems = [{ path: 'a', reason: 'too long' }]
    node.folders = [folderStatus({ path: world.folder, problems, problemCount: 2 })]
    expect((await world.complaints()).join('\n')).toContain('2 paths are not synced, such as a: too long')
  })

  it('tells of one that gives no answer that can be understood', async () => {
    const nonsense = createServer((socket) => void socket.end('what?\r\n\r\n', () => void socket.destroy()))
    await listening(nonsense, await controlSocketPath(world.home.path))
    expect((await world.complaints()).join('\n')).toContain('problem node: the running node cannot be reached')
    // It may have open what nobody else can open.
    const checks = (await world.diagnose()).map(({ check }) => check)
    for (const check of ['database', 'lock', 'port']) expect(checks).not.toContain(check)
  })
})

describe('of a folder', () => {
  it('tells of one that is gone, or is none', async () => {
    await rm(world.folder, { recursive: true })
    expect((await world.complaints()).join('\n')).toContain(`problem access: ${world.folder} cannot be used: ENOENT`)
    await writeFile(world.folder, '')
    expect((await world.complaints()).join('\n')).toContain(`problem access: ${world.folder} is no folder`)
  })

  it('tells of a marker that is gone, damaged, or that of another folder', async () => {
    await world.writeMarker('34'.repeat(16))
    expect((await world.complaints()).join('\n')).toContain(
      'problem marker: its marker .p2psync/folder.json is that of',
    )
    await writeFile(inFolder('.p2psync/folder.json'), '{}')
    expect((await world.complaints()).join('\n')).toMatch(/problem marker: .* is damaged/)
    await rm(inFolder('.p2psync/folder.json'))
    expect((await world.complaints()).join('\n')).toContain('problem marker: its marker .p2psync/folder.json is gone')
  })

  it('tells of one that was never started', async () => {
    await mkdir(inFolder('sub'))
    expect(await world.complaints(inFolder('sub'))).toEqual(['warning marker: this folder is not synced by this node'])
  })

  it('tells of an index that is damaged', async () => {
    const store = await openLevelStore(world.state.indexFolder)
    const [head] = await store.getMany([metaKeys.head])
    const value = Uint8Array.from(head!)
    value[11]! += 1
    await store.batch([{ type: 'put', key: metaKeys.head, value }], { durable: true })
    await store.close()
    expect((await world.complaints()).join('\n')).toContain('problem database: its index is damaged: its counts are')
    await rm(join(world.state.indexFolder, 'CURRENT'))
    expect((await world.complaints()).join('\n')).toContain('problem database: the index could not be opened')
  })

  it('tells of another node that has it', async () => {
    const lock = await openLevelStore(inFolder('.p2psync/lock'))
    toClose.push(() => lock.close())
    expect((await world.complaints()).join('\n')).toContain('problem lock: another p2psync node')
  })

  it('tells of remains that nobody went on with', async () => {
    await mkdir(inFolder('.p2psync/staging'))
    await writeFile(inFolder('.p2psync/staging/old'), 'abc')
    await writeFile(inFolder('.p2psync/staging/new'), 'abc')
    await utimes(inFolder('.p2psync/staging/old'), 1, 1)
    const yesterday = world.now / 1000 - 86_400
    await utimes(inFolder('.p2psync/staging/new'), yesterday, yesterday)
    expect((await world.complaints()).join('\n')).toContain('warning staged: 1 files of 3 bytes')
  })

  it('tells of other programs that sync it, or what it lies in', async () => {
    await mkdir(inFolder('.stfolder'))
    await mkdir(inFolder('sub'))
    expect((await world.complaints()).join('\n')).toContain(
      'warning other-programs: it seems to be synced by Syncthing',
    )
    expect((await world.complaints(inFolder('sub'))).join('\n')).toContain('Syncthing')
  })

  it('tells of a disk that finds its private folder by another case', async () => {
    await rm(inFolder('.p2psync'), { recursive: true })
    await writeFile(inFolder('.p2psync'), '')
    await link(inFolder('.p2psync'), inFolder('.P2PSYNC'))
    expect((await world.complaints()).join('\n')).toContain('warning case: its disk ignores case')
  })

  it.each([
    ['that are not UTF-8', Buffer.from([0x61, 0xff]), 'problem names-encoding: 1 have names'],
    ['that are ours', Buffer.from('.P2PSYNC'), 'problem names-allowed: 1 have names that cannot be synced: .P2PSYNC'],
    ['that are long', Buffer.from('x'.repeat(200)), 'warning names-length: 1 have names of more than 143 bytes'],
    ['that differ in case', Buffer.from('Readme'), 'warning names-twins: 1 differ only in case'],
    ['that differ in form', Buffer.from('e\u0301'), 'warning names-twins: 1 differ only in case'],
  ])('tells of names %s', async (_, name, complaint) => {
    await writeFile(inFolder('readme'), '')
    await writeFile(inFolder('é'), '')
    await writeFile(Buffer.concat([Buffer.from(`${world.folder}/`), name]), '')
    expect((await world.complaints()).join('\n')).toContain(complaint)
  })

  it('tells of sockets and the like', async () => {
    await listening(createServer(), inFolder('a.sock'))
    expect((await world.complaints()).join('\n')).toContain(
      'warning special-files: 1 are sockets, pipes or devices: a.sock',
    )
  })
})
