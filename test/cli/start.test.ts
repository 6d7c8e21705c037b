import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ControlClient } from '../../src/control/control-client.ts'
import { P2psyncError } from '../../src/model/errors.ts'
import { parseFolderId } from '../../src/model/folder-id.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import { prepareHome } from '../../src/node/home.ts'
import { formatFolderKey } from '../../src/node/key-text.ts'
import { noSettings, saveSettings } from '../../src/node/node-settings.ts'
import { fakeDevice, fakeKey, folderStatus, otherDevice } from '../control/fake-node.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { runInMemory, type CliRun, type CliSetting } from './run-in-memory.ts'

const realKey = formatFolderKey(new Uint8Array(32).fill(7))
const patient = { timeout: 20_000 }
let base: string
let home: string
let runs: CliRun[]

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'p2psync-start-'))
  home = join(base, 'home')
  runs = []
})

afterEach(async () => {
  for (const run of runs) await run.end()
  await rm(base, { recursive: true, force: true })
})

function start(argv: readonly string[], setting: Partial<CliSetting> = {}): CliRun {
  const run = runInMemory(['start', ...argv], { home, workingFolder: base, ...setting })
  runs.push(run)
  return run
}

async function started(argv: readonly string[], setting: Partial<CliSetting> = {}): Promise<CliRun> {
  const run = start(argv, setting)
  await expect.poll(() => run.node()?.listenerCount ?? 0, patient).toBe(1)
  return run
}

async function knowFolder(path: string): Promise<void> {
  const id = parseFolderId('ab'.repeat(32))
  await saveSettings(await prepareHome(home), {
    ...noSettings,
    folders: [{ id, path, nonce: '01'.repeat(16), order: noOrder, paused: false }],
  })
}

describe('start of a new folder', () => {
  it('prints device, folder, and the line for the other device with the key once', async () => {
    const run = await started(['./my folder'])
    expect(run.stdout()).toContain(`device  laptop\n        ${fakeDevice}\n`)
    expect(run.stdout()).toContain(`folder  ${join(base, 'my folder')} (created)\n`)
    expect(run.stdout()).toContain(`\n  npx p2psync start './my folder' --key ${fakeKey}\n`)
    expect(run.stdout().split(fakeKey)).toHaveLength(2)
    expect(run.stderr()).toBe('')
  })

  it('prints the key once as JSON too', async () => {
    const run = await started(['a', '--json'])
    const [first] = run.stdout().split('\n')
    expect(JSON.parse(first!)).toMatchObject({
      type: 'started',
      device: fakeDevice,
      folders: [{ path: join(base, 'a'), keyIsNew: true, key: fakeKey }],
    })
    expect(run.stdout().split(fakeKey)).toHaveLength(2)
  })

  it('hands everything to the node', async () => {
    const addresses = [
      '--listen',
      '/ip4/127.0.0.1/tcp/1',
      '--listen',
      '/ip4/127.0.0.1/tcp/2',
      '--peer',
      '/ip4/10.0.0.1/tcp/3',
    ]
    const run = await started([
      'a',
      'b',
      '--name',
      'desk',
      '--no-mdns',
      '--relink',
      '--rescan-interval',
      '2h',
      '--limit-up',
      '2MiB',
      '--limit-down',
      'none',
      '--limit-schedule',
      'sat,sun  up=none',
      '--first',
      '*.md',
      '--first',
      '/docs/**',
      '--last',
      '',
      ...addresses,
    ])
    expect(run.startOptions()).toMatchObject({
      home,
      name: 'desk',
      listen: ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'],
      peers: ['/ip4/10.0.0.1/tcp/3'],
      mdns: false,
      rescanIntervalMs: 7_200_000,
      limits: { up: 2_097_152, down: null, schedule: ['sat,sun up=none'] },
      folders: [
        { path: join(base, 'a'), key: null, relink: true, order: { first: ['*.md', '/docs/**'], last: [] } },
        { path: join(base, 'b'), key: null, relink: true, order: { first: ['*.md', '/docs/**'], last: [] } },
      ],
    })
  })
})

describe('the key that is given', () => {
  it('comes from a file before argv before the environment', async () => {
    const keys = [1, 2, 3].map((byte) => formatFolderKey(new Uint8Array(32).fill(byte)))
    await writeFile(join(base, 'key.txt'), `${keys[0]}\n`)
    const environment = { P2PSYNC_KEY: keys[2]! }
    const usedKey = async (argv: string[], name: string): Promise<string | null> => {
      const run = await started(['a', ...argv], { environment, home: join(base, name) })
      return run.startOptions()!.folders[0]!.key
    }
    expect(await usedKey(['--key-file', 'key.txt', '--key', keys[1]!], 'h1')).toBe(keys[0])
    expect(await usedKey(['--key', keys[1]!], 'h2')).toBe(keys[1])
    expect(await usedKey([], 'h3')).toBe(keys[2])
  })

  it('is typed unseen on a terminal, with corrections', async () => {
    const run = await started(['a', '--key', '-'], {
      keys: [`${realKey.slice(0, 9)}x`, '\u007F', `${realKey.slice(9)}\r`],
    })
    // The prompt is the only thing on stderr.
    expect(run.stderr()).toBe('Key of the folder: \n')
    await expect.poll(() => run.startOptions()?.folders[0]?.key, patient).toBe(realKey)
  })

  it('is never repeated', async () => {
    const run = await started(['a', '--key', realKey])
    expect(run.stdout()).toContain('p2psync key show a')
    expect(run.stdout() + run.stderr()).not.toContain(realKey)
  })

  it.each([
    [['a', '--key', `${realKey.slice(0, -1)}${realKey.endsWith('q') ? 'p' : 'q'}`], /typing error/],
    [['a', '--key', 'hello'], /not a p2psync key/],
    [['a', '--key-file', 'none.txt'], /cannot be read/],
    [['a', '--key', '-'], /no terminal/],
    [['a', 'b', '--key', realKey], /several folders/],
    [['--key', realKey], /without a folder/],
    [['--relink'], /without a folder/],
    [[''], /empty name/],
    [['a', '--rescan-interval', 'often'], /no interval between scans/],
    [['a', '--limit-up', 'fast'], /no limit of rate/],
    [['a', '--limit-schedule', 'monday up=1MB'], /no day, time or limit/],
    [['a', '--first', 'x'.repeat(2000)], /too long/],
    [['--last', '*.iso'], /--last is given without a folder/],
  ])('stops before anything is made when it is wrong, as any option: %j', async (argv, message) => {
    const run = start(argv)
    expect(await run.exitCode).toBe(2)
    expect(run.stderr()).toMatch(message)
    expect(run.stderr()).not.toContain(realKey)
    expect(run.startOptions()).toBeNull()
    expect(await readdir(base)).toEqual([])
  })

  it('may be given up at the prompt', async () => {
    const run = start(['a', '--key', '-'], { keys: ['p2p', '\u0003'] })
    expect(await run.exitCode).toBe(2)
  })
})

describe('an empty key file', () => {
  it('is named', async () => {
    await writeFile(join(base, 'key.txt'), '\n')
    const run = start(['a', '--key-file', 'key.txt'])
    expect(await run.exitCode).toBe(2)
    expect(run.stderr()).toMatch(
      /^p2psync: the key file .*\/key\.txt is empty\nGive a file that holds nothing but the key/,
    )
  })
})

describe('start without a folder', () => {
  it('is wrong usage when none is known', async () => {
    const run = start([])
    expect(await run.exitCode).toBe(2)
    expect(run.stderr()).toMatch(/^p2psync: no folder is given and none was started before\n/)
    expect(await readdir(base)).toEqual([])
  })

  it('starts those that are known', async () => {
    await knowFolder('/data/a')
    const run = await started([])
    expect(run.startOptions()?.folders).toEqual([])
  })
})

describe('start when a node runs', () => {
  it('adds the folders to it', async () => {
    const first = await started(['a'])
    const second = start(['b', '--peer', '/ip4/10.0.0.1/tcp/3', '--rescan-interval', 'never'])
    expect(await second.exitCode).toBe(0)
    expect(second.stdout()).toMatch(/^A node runs already \(laptop, process \d+\)\.\n/)
    expect(second.stdout()).toContain(`folder  ${join(base, 'b')} (created, added)\n\nTo add another device`)
    expect(second.stdout()).toContain(`npx p2psync start b --key ${fakeKey}`)
    expect(second.stderr()).toContain('--peer, --rescan-interval had no effect')
    expect(first.node()?.requests.map((request) => request.path)).toEqual([join(base, 'a'), join(base, 'b')])
  })

  it('changes the limits of the running node', async () => {
    const first = await started(['a'])
    const second = start(['a', '--limit-down', '1MB'])
    expect(await second.exitCode).toBe(0)
    expect(second.stdout()).toMatch(/up {4}no limit\ndown {2}1MB\/s\n$/)
    expect(first.node()?.choice).toEqual({ up: null, down: 1_000_000, schedule: [] })
    // What was not given stays as it is.
    expect(first.startOptions()?.limits).toEqual({})
    expect(first.node()?.requests.map((request) => request.order)).toEqual([{}, {}])
  })

  it('confirms the patterns that it sets, of a folder that is there already', async () => {
    const first = await started(['a'])
    const second = start(['a', '--first', '*.txt', '--first', 'notes', '--last', ''])
    expect(await second.exitCode).toBe(0)
    const folder = `folder  ${join(base, 'a')} (was added before)\n`
    expect(second.stdout()).toContain(`${folder}first   '*.txt' notes\nlast    nothing\n\n`)
    expect(first.node()?.requests[1]?.order).toEqual({ first: ['*.txt', 'notes'], last: [] })
  })

  it('says of limits alone that there was something to do', async () => {
    await knowFolder('/data/a')
    await started([])
    const second = start(['--limit-up', '0'])
    expect(await second.exitCode).toBe(0)
    expect(second.stdout()).toMatch(
      /^A node runs already \(laptop, process \d+\)\.\nup {4}no limit\ndown {2}no limit\n$/,
    )
  })

  it('adds them although both start at the same time', async () => {
    const both = [start(['a']), start(['b'])]
    const second = await Promise.race(both.map(async (run) => run.exitCode.then(() => run)))
    const first = both.find((run) => run !== second)!
    expect(await second.exitCode).toBe(0)
    expect(first.node()?.requests).toHaveLength(2)
  })

  it('has nothing to do without folders', async () => {
    await knowFolder('/data/a')
    await started([])
    const second = start([])
    expect(await second.exitCode).toBe(0)
    expect(second.stdout()).toContain('there is nothing to do')
  })
})

describe('the end of start', () => {
  it('is clean at the first signal and frees the home', async () => {
    const run = await started(['a'])
    run.signal('SIGTERM')
    expect(await run.exitCode).toBe(0)
    expect(run.node()?.stops).toBe(1)
    expect(run.stdout().endsWith('stopped\n')).toBe(true)
    expect(await new ControlClient({ home }).isListening()).toBe(false)
  })

  it('is hard at a second signal that is not the echo of the first', async () => {
    const clock = new ManualClock()
    const run = await started(['a'], { clock })
    const node = run.node()!
    node.stop = () => new Promise(() => undefined)
    run.signal('SIGINT')
    run.signal('SIGINT')
    expect(run.exits).toEqual([])
    await clock.advance(1000)
    run.signal('SIGINT')
    expect(run.exits).toEqual([130])
    delete (node as { stop?: unknown }).stop
  })

  it('comes when another command stops the node', async () => {
    const run = await started(['a'])
    await new ControlClient({ home }).stop()
    expect(await run.exitCode).toBe(0)
  })

  it('reports why the node did not start, and frees the home', async () => {
    const error = new P2psyncError('port-busy', 'port 4001 is taken', { hint: 'use another --listen' })
    const run = start(['a'], {
      onStart: () => {
        throw error
      },
    })
    expect(await run.exitCode).toBe(1)
    expect(run.stderr()).toBe('p2psync: port 4001 is taken\nUse another --listen.\n')
    expect(await new ControlClient({ home }).isListening()).toBe(false)
  })
})

describe('what start tells', () => {
  it('is at most one line a second in a pipe, and ends with the last word', async () => {
    const clock = new ManualClock()
    const run = await started(['a'], { clock })
    const node = run.node()!
    const before = run.stdout().length
    const folder = { path: '/data/a', needed: { files: 12, bytes: 3_100_000 }, percent: 40 }
    node.emit({ type: 'peer-connected', at: 0, device: otherDevice, name: 'desk', address: '', how: 'mdns' })
    for (let i = 0; i < 100; i++) {
      node.emit({ type: 'folder', at: 0, folder: folderStatus({ ...folder, state: 'syncing' }) })
      node.emit({ type: 'folder', at: 0, folder: folderStatus({ path: '/data/a' }) })
    }
    node.emit({ type: 'folder', at: 0, folder: folderStatus({ ...folder, state: 'syncing' }) })
    const lines = (): string[] => run.stdout().slice(before).split('\n').slice(0, -1)
    const counts = []
    for (let second = 0; second < 5; second++) {
      await clock.advance(1000)
      counts.push(lines().length)
    }
    node.emit({ type: 'folder', at: 0, folder: folderStatus({ path: '/data/a' }) })
    expect(counts.every((count, second) => count <= second + 2)).toBe(true)
    expect(lines()).toContain('connected to desk')
    expect(lines().slice(-2)).toEqual([
      'syncing /data/a: 12 files, 3.1 MB to go, 40 %',
      'in sync: /data/a (1,234 files, 1.23 GB)',
    ])
  })

  it('is one line that is redrawn on a terminal, and never wider than it', async () => {
    const clock = new ManualClock()
    const run = await started(['a'], { clock, columns: 50 })
    const node = run.node()!
    const needed = { files: 12, bytes: 3_100_000 }
    const path = `/data/${'x'.repeat(80)}`
    node.emit({ type: 'folder', at: 0, folder: folderStatus({ path, state: 'syncing', needed, percent: 40 }) })
    await clock.advance(200)
    node.emit({
      type: 'peer-refused',
      at: 0,
      device: otherDevice,
      name: 'desk\u001B',
      address: '',
      reason: 'other key',
    })
    await clock.advance(200)
    expect(run.stdout()).toContain('refused: desk\\u{1b}: other key\n')
    const drawn = run.stdout().split('\r\u001B[2K').slice(1)
    expect(drawn.length).toBeGreaterThan(1)
    for (const text of drawn) expect((text.split('\n').at(-1) ?? '').length).toBeLessThan(50)
    expect(drawn.at(-1)).toMatch(/^syncing 12 files, 3.1 MB to go, 40 %.*\.\.\.$/)
  })

  it('is nothing more once the node stops, except that it has stopped', async () => {
    const run = await started(['a'])
    const before = run.stdout().length
    run.node()!.emit({ type: 'stopping', at: 0 })
    run.node()!.emit({ type: 'folder', at: 0, folder: folderStatus({ path: '/data/a', state: 'waiting' }) })
    await run.node()!.stop()
    await run.exitCode
    expect(run.stdout().slice(before).split('\n')).not.toContain('waiting for a device: /data/a (1,234 files, 1.23 GB)')
    expect(run.stdout().slice(before)).toMatch(/stopping\nstopped\n$/)
  })

  it('is every event as JSON when asked for', async () => {
    const run = await started(['a', '--json'])
    const event = { type: 'warning', at: 5, message: 'no multicast', hint: 'x' } as const
    run.node()!.emit(event)
    const lines = run.stdout().trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['started', 'folder', 'warning'])
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual(event)
  })
})

describe('a folder given as .', () => {
  it('is the working folder', async () => {
    await mkdir(join(base, 'here'))
    const run = await started(['.'], { workingFolder: join(base, 'here') })
    expect(run.startOptions()?.folders[0]?.path).toBe(join(base, 'here'))
  })
})
