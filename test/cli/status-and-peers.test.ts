import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderStatus, otherDevice, peerStatus } from '../control/fake-node.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { CommandWorld } from './command-world.ts'
import { runInMemory } from './run-in-memory.ts'

const patient = { timeout: 20_000 }

let world: CommandWorld
beforeEach(async () => {
  world = await CommandWorld.make()
})
afterEach(() => world.remove())

describe('status', () => {
  it('shows every folder', async () => {
    const node = await world.runningNode()
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
    const { code, stdout } = await world.run(['status'], { clock: new ManualClock() })
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
    const node = await world.runningNode()
    node.folders = [folderStatus({ order: { first: ['*.md', '/docs/**'], last: ['/videos'] } })]
    const { stdout } = await world.run(['status'])
    expect(stdout).toMatch(/^ +first +'\*\.md' '\/docs\/\*\*'\n +last +\/videos$/m)
  })

  it('says of what was just now that it was', async () => {
    const node = await world.runningNode()
    const clock = new ManualClock()
    const lastChange = { path: 'x.txt', what: 'changed', device: 'desk', at: clock.now() - 3 } as const
    node.folders = [folderStatus({ lastChange })]
    expect((await world.run(['status'], { clock })).stdout).toContain('changed    x.txt changed by desk just now\n')
  })

  it('ends the reason why a folder has stopped before it says what to do', async () => {
    const node = await world.runningNode()
    const clock = new ManualClock()
    node.folders = [
      folderStatus({ path: '/data/c', state: 'stopped', reason: 'the marker is gone', hint: 'Mount it.' }),
    ]
    const cli = runInMemory(['status', '--watch'], { home: world.home, clock })
    await expect.poll(cli.stdout, patient).toBe('stopped: /data/c: the marker is gone. Mount it.\n')
    cli.signal('SIGINT')
    expect(await cli.exitCode).toBe(0)
  })

  it('shows one folder, and refuses one that is not synced', async () => {
    const node = await world.runningNode()
    node.folders = [folderStatus({ path: '/data/a' }), folderStatus({ path: '/data/b' })]
    const one = await world.run(['status', 'b', '--json'], { workingFolder: '/data' })
    expect(JSON.parse(one.stdout)).toEqual({ folders: [folderStatus({ path: '/data/b' })] })
    const none = await world.run(['status', 'c'], { workingFolder: '/data' })
    expect(none).toMatchObject({ code: 1, stdout: '' })
    expect(none.stderr).toMatch(/^p2psync: \/data\/c is not synced by this node\n/)
  })

  it('follows changes in a pipe, one line for each, until it is interrupted', async () => {
    const node = await world.runningNode()
    const clock = new ManualClock()
    node.folders = [folderStatus({ state: 'waiting' })]
    const cli = runInMemory(['status', '--watch'], { home: world.home, clock })
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
    const node = await world.runningNode()
    const clock = new ManualClock()
    node.folders = [folderStatus({ state: 'waiting' })]
    const cli = runInMemory(['status', '--watch'], { home: world.home, clock, columns: 40 })
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
    const node = await world.runningNode()
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
    const { code, stdout } = await world.run(['peers'], { clock: new ManualClock() })
    expect(code).toBe(0)
    expect(stdout).toBe(`DEVICE              CONNECTED  HOW      ADDRESS                    RECEIVING  SENDING  ID
desk                1 minute   mDNS     /ip4/192.168.1.7/tcp/4001  1 MB/s     0 B/s    ${otherDevice}
  /data/a  in sync
  /data/b  they need 2 files (3 kB), we need nothing
device ...BBBBBBBZ  no         dialled  -                          -          -        ${otherDevice}
  refused: it has another key\\u{d}
`)
    const json = await world.run(['peers', '--json'])
    expect(JSON.parse(json.stdout)).toEqual({ peers: node.devices })
  })

  it('says what to do when there is none', async () => {
    await world.runningNode()
    expect((await world.run(['peers'])).stdout).toMatch(
      /^No other device is in reach now\. .*p2psync key show <folder>/,
    )
  })
})
