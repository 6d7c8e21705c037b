import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ControlServer } from '../../src/control/control-server.ts'
import { parseFolderId } from '../../src/model/folder-id.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import { storeFolderKey } from '../../src/node/folder-key-file.ts'
import { folderState, prepareHome } from '../../src/node/home.ts'
import { parseFolderKey } from '../../src/node/key-text.ts'
import { noSettings, saveSettings } from '../../src/node/node-settings.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { FakeNode, fakeKey, folderStatus, otherDevice, peerStatus } from '../control/fake-node.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { runInMemory, type CliSetting } from './run-in-memory.ts'

const patient = { timeout: 20_000 }
let base: string
let home: string
let server: ControlServer | null

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'p2psync-cli-'))
  home = join(base, 'home')
  server = null
})

afterEach(async () => {
  await server?.stop()
  await rm(base, { recursive: true, force: true })
})

async function runningNode(): Promise<FakeNode> {
  const prepared = await prepareHome(home)
  const node = new FakeNode(prepared.path)
  server = new ControlServer({ clock: systemClock, logger: silentLogger }, { home: prepared.path })
  await server.start()
  server.serve(node)
  return node
}

async function run(
  argv: readonly string[],
  setting: Partial<CliSetting> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const cli = runInMemory(argv, { home, ...setting })
  return { code: await cli.exitCode, stdout: cli.stdout(), stderr: cli.stderr() }
}

describe('the command line', () => {
  it('explains itself, its commands and its exit codes', async () => {
    const { code, stdout, stderr } = await run(['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const name of [
      'start',
      'stop',
      'status',
      'peers',
      'key',
      'limit',
      'pause',
      'guard',
      'resume',
      'remove',
      'watch',
      'manifest',
      'diff',
      'doctor',
      'scrub',
    ]) {
      expect(stdout).toContain(`\n  ${name} `)
    }
    expect(stdout).toContain('Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no node is running.')
  })

  it.each([
    ['start'],
    ['stop'],
    ['status'],
    ['peers'],
    ['key', 'new'],
    ['key', 'show'],
    ['remove'],
    ['limit'],
    ['pause'],
    ['guard'],
    ['resume'],
    ['watch'],
    ['manifest'],
    ['diff'],
    ['doctor'],
    ['scrub'],
  ])('has help with examples for %s %s', async (...command) => {
    const { code, stdout } = await run([...command.filter((word) => word !== undefined), '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Examples:\n  $ ')
    expect(stdout).toContain('--json')
    expect(stdout).toContain('\nExit codes: 0 done')
  })

  it('prints its version', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' })
  })

  it.each([
    [[], 'no command is given', 'p2psync --help'],
    [['statu'], "unknown command 'statu'", 'status'],
    [['status', '--jsno'], "unknown option '--jsno'", 'p2psync status --help'],
    [['remove'], "missing required argument 'folder'", 'p2psync remove --help'],
    [['stop', 'x'], 'too many arguments', 'p2psync stop --help'],
    [['pause', 'a', '--peer', 'desk'], 'a folder and a device are given', 'one of them'],
    [['guard', 'approve', '--off'], 'approve takes a folder', 'p2psync guard approve ./folder'],
    [['guard', 'a', 'b'], 'a is no decision', 'p2psync guard approve <folder>'],
    [['guard', 'a', '--off', '--files', '5'], '--off is given together with a limit', 'Give one of them'],
    [['limit', '--up', '5'], '"5" is no limit of rate', '500KiB'],
    [['limit', '--no-schedule', '--schedule', 'sat up=none'], 'are given together', 'Give one of them'],
    [['limit', '--schedule', 'sat up=none', '--no-schedule'], 'are given together', 'Give one of them'],
    [['limit', '--schedule', 'mon 8-18 up=none'], 'no time of a day', 'mon-fri 08:00-18:00'],
    [['key'], 'no command is given', 'p2psync key --help'],
    [['start', '--first', '--home', 'x'], "option '--first <pattern>' argument missing", 'p2psync start --help'],
    [['start', '--name', '--home', 'x'], "option '--name <device>' argument missing", 'p2psync start --help'],
    [['start', '--home', '--home', 'x'], "option '--home <dir>' argument missing", 'p2psync start --help'],
    [['start', '.', '--last', '--no-mdns'], "option '--last <pattern>' argument missing", 'p2psync start --help'],
    [['status', '--home', '--watch'], "option '--home <dir>' argument missing", 'p2psync status --help'],
    [
      ['manifest', '.', '--output', '--no-blocks'],
      "option '--output <file>' argument missing",
      'p2psync manifest --help',
    ],
    [['key', 'show', 'x', '--home', '--json=1'], "option '--home <dir>' argument missing", 'p2psync key --help'],
    [['start', '.', '--log-level', 'loud'], "argument 'loud' is invalid", 'p2psync start --help'],
    [['start', '.', '--name', 'a/b'], 'not allowed', '--name laptop'],
  ])('takes %j for wrong usage and says what to do', async (argv, message, hint) => {
    const { code, stdout, stderr } = await run(argv)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^p2psync: .+\n.+\n$/)
    expect(stderr).toContain(message)
    expect(stderr).toContain(hint)
  })

  it('reports errors as JSON on stderr when asked for JSON', async () => {
    const { code, stdout, stderr } = await run(['status', '--json'])
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'no-node' } })
  })

  it.each([
    [['status']],
    [['peers']],
    [['limit']],
    [['pause']],
    [['resume', '--peer', 'x']],
    [['stop']],
    [['remove', 'x']],
    [['key', 'show', 'x']],
    [['status', '--watch']],
  ])('says that no node runs: %j', async (argv) => {
    const { code, stderr } = await run(argv)
    expect(code).toBe(3)
    expect(stderr).toMatch(/^p2psync: no p2psync node is running .*\nStart one with p2psync start <folder>/)
  })
})

describe('status', () => {
  it('shows every folder', async () => {
    const node = await runningNode()
    node.folders = [
      folderStatus({
        path: '/data/a',
        links: 1,
        lastChange: { path: 'x.txt', what: 'changed', device: 'desk', at: 0 },
      }),
      folderStatus({
        path: '/data/b',
        state: 'syncing',
        needed: { files: 12, bytes: 3_000_000 },
        percent: 99.9,
        ratePerSecond: 1_500_000,
        secondsLeft: 2,
        conflicts: 1,
        problems: [{ path: 'a\u001B[2Jb', reason: 'no' }],
        problemCount: 3,
      }),
      folderStatus({ path: '/data/c', state: 'stopped', reason: 'the marker is gone', hint: 'Use --relink.' }),
    ]
    const { code, stdout } = await run(['status'], { clock: new ManualClock() })
    expect(code).toBe(0)
    expect(stdout).toBe(`laptop, running for 1 minute

/data/a
  state      in sync
  here       1,234 files, 56 folders, 1 link, 1.23 GB
  devices    1 connected
  changed    x.txt changed by desk 53 years ago

/data/b
  state      syncing
  here       1,234 files, 56 folders, 1.23 GB
  devices    1 connected
  needed     12 files, 3 MB to go, 99 %, 1.5 MB/s, about 2s left
  conflicts  1 conflicted copy
  problems   3 paths not synced
             a\\u{1b}[2Jb: no
             and 2 more (see --json)

/data/c
  state      stopped: the marker is gone
  here       1,234 files, 56 folders, 1.23 GB
  devices    1 connected
             Use --relink.
`)
  })

  it('shows what goes first and last', async () => {
    const node = await runningNode()
    node.folders = [folderStatus({ order: { first: ['*.md', '/docs/**'], last: ['/videos'] } })]
    const { stdout } = await run(['status'])
    expect(stdout).toMatch(/^ +first +'\*\.md' '\/docs\/\*\*'\n +last +\/videos$/m)
  })

  it('says of what was just now that it was', async () => {
    const node = await runningNode()
    const clock = new ManualClock()
    const lastChange = { path: 'x.txt', what: 'changed', device: 'desk', at: clock.now() - 3 } as const
    node.folders = [folderStatus({ lastChange })]
    expect((await run(['status'], { clock })).stdout).toContain('changed    x.txt changed by desk just now\n')
  })

  it('ends the reason why a folder has stopped before it says what to do', async () => {
    const node = await runningNode()
    const clock = new ManualClock()
    node.folders = [
      folderStatus({ path: '/data/c', state: 'stopped', reason: 'the marker is gone', hint: 'Mount it.' }),
    ]
    const cli = runInMemory(['status', '--watch'], { home, clock })
    await expect.poll(cli.stdout, patient).toBe('stopped: /data/c: the marker is gone. Mount it.\n')
    cli.signal('SIGINT')
    expect(await cli.exitCode).toBe(0)
  })

  it('shows one folder, and refuses one that is not synced', async () => {
    const node = await runningNode()
    node.folders = [folderStatus({ path: '/data/a' }), folderStatus({ path: '/data/b' })]
    const one = await run(['status', 'b', '--json'], { workingFolder: '/data' })
    expect(JSON.parse(one.stdout)).toEqual({ folders: [folderStatus({ path: '/data/b' })] })
    const none = await run(['status', 'c'], { workingFolder: '/data' })
    expect(none).toMatchObject({ code: 1, stdout: '' })
    expect(none.stderr).toMatch(/^p2psync: \/data\/c is not synced by this node\n/)
  })

  it('follows changes in a pipe, one line for each, until it is interrupted', async () => {
    const node = await runningNode()
    const clock = new ManualClock()
    node.folders = [folderStatus({ state: 'waiting' })]
    const cli = runInMemory(['status', '--watch'], { home, clock })
    await expect.poll(cli.stdout, patient).toContain('waiting for a device: /data/folder')
    await clock.advance(5000)
    node.folders = [folderStatus()]
    await expect.poll(async () => clock.advance(1000).then(cli.stdout), patient).toContain('in sync')
    cli.signal('SIGINT')
    expect(await cli.exitCode).toBe(0)
    expect(cli.stdout()).toBe(
      'waiting for a device: /data/folder (1,234 files, 1.23 GB)\nin sync: /data/folder (1,234 files, 1.23 GB)\n',
    )
  })

  it('redraws on a terminal', async () => {
    const node = await runningNode()
    const clock = new ManualClock()
    node.folders = [folderStatus({ state: 'waiting' })]
    const cli = runInMemory(['status', '--watch'], { home, clock, columns: 40 })
    await expect.poll(cli.stdout, patient).toContain('waiting')
    node.folders = [folderStatus()]
    await expect.poll(async () => clock.advance(1000).then(cli.stdout), patient).toContain('in sync')
    cli.signal('SIGINT')
    await cli.exitCode
    expect(cli.stdout()).toContain('\u001B[6A\r\u001B[Jlaptop')
    for (const line of cli.stdout().split('\n')) expect(line.length).toBeLessThan(60)
  })
})

describe('peers', () => {
  it('shows devices, how they are connected and how far their folders are', async () => {
    const node = await runningNode()
    const needed = { files: 2, bytes: 3000 }
    node.devices = [
      peerStatus({
        receiveRate: 1_000_000,
        folders: [
          { path: '/data/a', inSync: true, neededByThem: null, neededByUs: { files: 0, bytes: 0 } },
          { path: '/data/b', inSync: false, neededByThem: needed, neededByUs: { files: 0, bytes: 0 } },
        ],
      }),
      peerStatus({ name: '', connectedSince: null, how: 'address', address: '', refused: 'it has another key\r' }),
    ]
    const { code, stdout } = await run(['peers'], { clock: new ManualClock() })
    expect(code).toBe(0)
    expect(stdout).toBe(`DEVICE              CONNECTED  HOW      ADDRESS                    RECEIVING  SENDING  ID
desk                1 minute   mDNS     /ip4/192.168.1.7/tcp/4001  1 MB/s     0 B/s    ${otherDevice}
  /data/a  in sync
  /data/b  they need 2 files (3 kB), we need nothing
device ...BBBBBBBZ  no         dialled  -                          -          -        ${otherDevice}
  refused: it has another key\\u{d}
`)
    const json = await run(['peers', '--json'])
    expect(JSON.parse(json.stdout)).toEqual({ peers: node.devices })
  })

  it('says what to do when there is none', async () => {
    await runningNode()
    expect((await run(['peers'])).stdout).toMatch(/^No other device is in reach now\. .*p2psync key show <folder>/)
  })
})

describe('stop and remove', () => {
  it('stop returns when the home is free', async () => {
    const node = await runningNode()
    void node.done.then(async () => server?.stop())
    expect(await run(['stop'])).toEqual({ code: 0, stdout: 'The node has stopped.\n', stderr: '' })
    expect((await run(['stop'])).code).toBe(3)
  })

  it('remove names the folder and keeps its files', async () => {
    const node = await runningNode()
    await mkdir(join(base, 'a'))
    node.folders = [folderStatus({ path: join(base, 'a') })]
    const { code, stdout } = await run(['remove', './a'], { workingFolder: base })
    expect({ code, stdout }).toEqual({ code: 0, stdout: `No longer syncing ${join(base, 'a')}; its files stay.\n` })
    expect(node.folders).toEqual([])
    expect((await run(['remove', './a'], { workingFolder: base })).code).toBe(1)
  })
})

describe('limit', () => {
  it('shows what holds now, else, and when that changes', async () => {
    const node = await runningNode()
    expect((await run(['limit'])).stdout).toBe('up    no limit\ndown  no limit\n')
    node.limits = () =>
      Promise.resolve({
        now: { up: 512_000, down: null },
        otherwise: { up: null, down: null },
        schedule: ['mon-fri 08:00-18:00 up=500KiB'],
        until: 'mon 18:00',
      })
    expect((await run(['limit'])).stdout).toBe(`up    500KiB/s by the schedule, otherwise no limit
down  no limit
schedule
  mon-fri 08:00-18:00 up=500KiB
next change: mon 18:00
`)
  })

  it('changes what is given and nothing else', async () => {
    const node = await runningNode()
    await run(['limit', '--up', '2MiB', '--schedule', 'sat up=none; sun up=none', '--schedule', '00:00-06:00 up=none'])
    const schedule = ['sat up=none', 'sun up=none', '00:00-06:00 up=none']
    expect(node.choice).toEqual({ up: 2_097_152, down: null, schedule })
    const { stdout } = await run(['limit', '--down', '1MB', '--up', 'none', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ otherwise: { up: null, down: 1_000_000 }, schedule })
    await run(['limit', '--no-schedule'])
    expect(node.choice).toEqual({ up: null, down: 1_000_000, schedule: [] })
  })
})

describe('guard', () => {
  const held = {
    direction: 'incoming',
    files: 60,
    device: 'desk',
    since: Date.now() - 120_000,
    restoring: false,
  } as const

  it('shows what waits, here and in status, with the next step', async () => {
    const node = await runningNode()
    const hint = 'To let it happen: p2psync guard approve <folder>.'
    node.folders = [folderStatus({ path: '/data/a', state: 'held', held: [held], hint })]
    const line = '60 files removed or rewritten by desk 2 minutes ago, waiting for you'
    expect((await run(['guard', '/data/a'])).stdout).toBe(
      `/data/a: more than 50 % or 10,000 files removed or rewritten at once wait for you\n  ${line}\n`,
    )
    const { stdout } = await run(['status'])
    expect(stdout).toContain(`  held       ${line}\n             ${hint.replace('<folder>', '/data/a')}\n`)
    expect(JSON.parse((await run(['guard', '/data/a', '--json'])).stdout)).toMatchObject({ held: [held] })
  })

  it('decides about it', async () => {
    const node = await runningNode()
    node.folders = [folderStatus({ path: '/data/a', held: [held] })]
    expect(await run(['guard', 'reject', 'a'], { workingFolder: '/data' })).toEqual({
      code: 0,
      stdout: '/data/a: 60 files stay, and are given back to other devices\n',
      stderr: '',
    })
    expect(JSON.parse((await run(['guard', 'approve', '/data/a', '--json'])).stdout)).toMatchObject({ held: [] })
    expect(node.decisions).toEqual(['reject', 'approve'])
    node.folders = ['/data/a', '/data/b c'].map((path) =>
      folderStatus({ path, held: path === '/data/a' ? [] : [held] }),
    )
    expect((await run(['guard', 'approve'])).stdout).toContain('/data/b c: 60 files are removed or rewritten here')
    node.folders = ['/data/b c', '/data/a'].map((path) => folderStatus({ path, held: [held] }))
    const { code, stderr } = await run(['guard', 'reject'])
    expect([code, stderr]).toEqual([2, expect.stringContaining("guard reject '/data/b c'")])
    expect(await run(['guard', 'approve', '/data/b'])).toMatchObject({ code: 1, stdout: '' })
  })

  it('changes what is given and nothing else', async () => {
    const node = await runningNode()
    node.folders = [folderStatus({ path: '/data/a' })]
    await run(['guard', '/data/a', '--share', '80%'])
    expect(node.folders[0]?.guard).toEqual({ sharePercent: 80, files: 10_000 })
    await run(['guard', '/data/a', '--off'])
    expect(node.folders[0]?.guard).toBeNull()
    expect(await run(['guard', '/data/a', '--share', '101'])).toMatchObject({ code: 2, stdout: '' })
    expect((await run(['guard', '/data/a', '--files', '7'])).stdout).toContain('more than 50 % or 7 files')
  })
})

describe('pause and resume', () => {
  it('name one folder, or take all', async () => {
    const node = await runningNode()
    node.folders = [folderStatus({ path: '/data/a' }), folderStatus({ path: '/data/b' })]
    const states = (): readonly string[] => node.folders.map((folder) => folder.state)
    expect(await run(['pause', 'a'], { workingFolder: '/data' })).toEqual({
      code: 0,
      stdout: 'Paused /data/a\n',
      stderr: '',
    })
    expect(states()).toEqual(['paused', 'in-sync'])
    expect((await run(['status', '/data/a'])).stdout).toContain('state      paused; go on with p2psync resume\n')
    expect(JSON.parse((await run(['pause', '--json'])).stdout)).toEqual({
      folders: ['/data/a', '/data/b'],
      paused: true,
    })
    expect(states()).toEqual(['paused', 'paused'])
    expect((await run(['pause'])).stdout).toBe('/data/a was already paused\n/data/b was already paused\n')
    expect((await run(['resume'])).stdout).toBe('Resumed /data/a\nResumed /data/b\n')
    expect(await run(['resume', '/data/b'])).toMatchObject({ code: 0, stdout: '/data/b was not paused\n' })
    expect(await run(['pause', '/data/c'])).toMatchObject({ code: 1, stdout: '' })
  })

  it('name a device, which is shown as paused', async () => {
    const node = await runningNode()
    node.devices = [peerStatus({ connectedSince: null, address: '' })]
    expect((await run(['pause', '--peer', 'desk'])).stdout).toBe('Paused desk\n')
    expect(await run(['pause', '--peer', 'desk'])).toMatchObject({ code: 0, stdout: 'desk was already paused\n' })
    expect((await run(['peers'])).stdout).toMatch(/\ndesk +paused +- +- +- +- +12D3/)
    const { stdout } = await run(['resume', '--peer', otherDevice, '--json'])
    expect(JSON.parse(stdout)).toEqual({ peer: { device: otherDevice, name: 'desk' }, paused: false })
    expect(await run(['pause', '--peer', 'nobody'])).toMatchObject({ code: 1, stdout: '' })
  })
})

describe('key', () => {
  it('new prints a fresh key alone, without a node or a home', async () => {
    const first = await run(['key', 'new'])
    const second = await run(['key', 'new', '--json'])
    expect(parseFolderKey(first.stdout)).toHaveLength(32)
    expect(first.stdout.split('\n')).toHaveLength(2)
    expect(JSON.parse(second.stdout)).not.toEqual({ key: first.stdout.trim() })
  })

  it('show prints the key alone in a pipe', async () => {
    const node = await runningNode()
    node.folders = [folderStatus({ path: '/data/a' })]
    expect(await run(['key', 'show', '/data/a'])).toEqual({ code: 0, stdout: `${fakeKey}\n`, stderr: '' })
    expect((await run(['key', 'show', '/data/b'])).code).toBe(1)
  })

  it('show adds a QR code on a terminal', async () => {
    const node = await runningNode()
    node.folders = [folderStatus({ path: '/data/a' })]
    const { stdout } = await run(['key', 'show', '/data/a'], { columns: 80 })
    expect(stdout).toMatch(/^[█▀▄ \n]+\n/)
    expect(stdout.endsWith(`\n\n${fakeKey}\n`)).toBe(true)
  })

  it('show works from what is stored when no node runs', async () => {
    const prepared = await prepareHome(home)
    const id = parseFolderId('ab'.repeat(32))
    await saveSettings(prepared, {
      ...noSettings,
      folders: [{ id, path: '/data/a', nonce: '01'.repeat(16), order: noOrder, paused: false }],
    })
    await storeFolderKey(folderState(prepared, id), 'stored')
    expect(await run(['key', 'show', '/data/a'])).toMatchObject({ code: 0, stdout: 'stored\n' })
    expect(await run(['key', 'show', '/data/b'])).toMatchObject({ code: 3, stdout: '' })
    await writeFile(prepared.settingsFile, '{')
    expect(await run(['key', 'show', '/data/a'])).toMatchObject({ code: 1, stdout: '' })
  })
})
