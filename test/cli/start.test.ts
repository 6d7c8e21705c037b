import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ControlClient } from '../../src/control/control-client.ts'
import { P2psyncError } from '../../src/model/errors.ts'
import { fakeDevice, fakeKey } from '../control/fake-node.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { StartWorld } from './start-world.ts'

let world: StartWorld
beforeEach(async () => {
  world = await StartWorld.make()
})
afterEach(() => world.remove())

describe('start of a new folder', () => {
  it('prints device, folder, and the line for the other device with the key once', async () => {
    const run = await world.started(['./my folder'])
    expect(run.stdout()).toContain(`device  laptop\n        ${fakeDevice}\n`)
    expect(run.stdout()).toContain(`folder  ${join(world.base, 'my folder')} (created)\n`)
    expect(run.stdout()).toContain(`\n  npx p2psync start './my folder' --key ${fakeKey}\n`)
    expect(run.stdout().split(fakeKey)).toHaveLength(2)
    expect(run.stderr()).toBe('')
  })

  it('prints the key once as JSON too', async () => {
    const run = await world.started(['a', '--json'])
    const [first] = run.stdout().split('\n')
    expect(JSON.parse(first!)).toMatchObject({
      type: 'started',
      device: fakeDevice,
      folders: [{ path: join(world.base, 'a'), keyIsNew: true, key: fakeKey }],
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
    const run = await world.started([
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
      home: world.home,
      name: 'desk',
      listen: ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'],
      peers: ['/ip4/10.0.0.1/tcp/3'],
      mdns: false,
      rescanIntervalMs: 7_200_000,
      limits: { up: 2_097_152, down: null, schedule: ['sat,sun up=none'] },
      folders: [
        { path: join(world.base, 'a'), key: null, relink: true, order: { first: ['*.md', '/docs/**'], last: [] } },
        { path: join(world.base, 'b'), key: null, relink: true, order: { first: ['*.md', '/docs/**'], last: [] } },
      ],
    })
  })
})

describe('a folder given as .', () => {
  it('is the working folder', async () => {
    await mkdir(join(world.base, 'here'))
    const run = await world.started(['.'], { workingFolder: join(world.base, 'here') })
    expect(run.startOptions()?.folders[0]?.path).toBe(join(world.base, 'here'))
  })
})
describe('start without a folder', () => {
  it('is wrong usage when none is known', async () => {
    const run = world.start([])
    expect(await run.exitCode).toBe(2)
    expect(run.stderr()).toMatch(/^p2psync: no folder is given and none was started before\n/)
    expect(await readdir(world.base)).toEqual([])
  })

  it('starts those that are known', async () => {
    await world.knowFolder('/data/a')
    const run = await world.started([])
    expect(run.startOptions()?.folders).toEqual([])
  })
})

describe('start when a node runs', () => {
  it('adds the folders to it', async () => {
    const first = await world.started(['a'])
    const second = world.start(['b', '--peer', '/ip4/10.0.0.1/tcp/3', '--rescan-interval', 'never'])
    expect(await second.exitCode).toBe(0)
    expect(second.stdout()).toMatch(/^A node runs already \(laptop, process \d+\)\.\n/)
    expect(second.stdout()).toContain(`folder  ${join(world.base, 'b')} (created, added)\n\nTo add another device`)
    expect(second.stdout()).toContain(`npx p2psync start b --key ${fakeKey}`)
    expect(second.stderr()).toContain('--peer, --rescan-interval had no effect')
    expect(first.node()?.requests.map((request) => request.path)).toEqual([
      join(world.base, 'a'),
      join(world.base, 'b'),
    ])
  })

  it('changes the limits of the running node', async () => {
    const first = await world.started(['a'])
    const second = world.start(['a', '--limit-down', '1MB'])
    expect(await second.exitCode).toBe(0)
    expect(second.stdout()).toMatch(/up {4}no limit\ndown {2}1MB\/s\n$/)
    expect(first.node()?.choice).toEqual({ up: null, down: 1_000_000, schedule: [] })
    // What was not given stays as it is.
    expect(first.startOptions()?.limits).toEqual({})
    expect(first.node()?.requests.map((request) => request.order)).toEqual([{}, {}])
  })

  it('confirms the patterns that it sets, of a folder that is there already', async () => {
    const first = await world.started(['a'])
    const second = world.start(['a', '--first', '*.txt', '--first', 'notes', '--last', ''])
    expect(await second.exitCode).toBe(0)
    const folder = `folder  ${join(world.base, 'a')} (was added before)\n`
    expect(second.stdout()).toContain(`${folder}first   '*.txt' notes\nlast    nothing\n\n`)
    expect(first.node()?.requests[1]?.order).toEqual({ first: ['*.txt', 'notes'], last: [] })
  })

  it('says of limits alone that there was something to do', async () => {
    await world.knowFolder('/data/a')
    await world.started([])
    const second = world.start(['--limit-up', '0'])
    expect(await second.exitCode).toBe(0)
    expect(second.stdout()).toMatch(
      /^A node runs already \(laptop, process \d+\)\.\nup {4}no limit\ndown {2}no limit\n$/,
    )
  })

  it('adds them although both start at the same time', async () => {
    const both = [world.start(['a']), world.start(['b'])]
    const second = await Promise.race(both.map(async (run) => run.exitCode.then(() => run)))
    const first = both.find((run) => run !== second)!
    expect(await second.exitCode).toBe(0)
    expect(first.node()?.requests).toHaveLength(2)
  })

  it('has nothing to do without folders', async () => {
    await world.knowFolder('/data/a')
    await world.started([])
    const second = world.start([])
    expect(await second.exitCode).toBe(0)
    expect(second.stdout()).toContain('there is nothing to do')
  })
})

describe('the end of start', () => {
  it('is clean at the first signal and frees the home', async () => {
    const run = await world.started(['a'])
    run.signal('SIGTERM')
    expect(await run.exitCode).toBe(0)
    expect(run.node()?.stops).toBe(1)
    expect(run.stdout().endsWith('stopped\n')).toBe(true)
    expect(await new ControlClient({ home: world.home }).isListening()).toBe(false)
  })

  it('is hard at a second signal that is not the echo of the first', async () => {
    const clock = new ManualClock()
    const run = await world.started(['a'], { clock })
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
    const run = await world.started(['a'])
    await new ControlClient({ home: world.home }).stop()
    expect(await run.exitCode).toBe(0)
  })

  it('reports why the node did not start, and frees the home', async () => {
    const error = new P2psyncError('port-busy', 'port 4001 is taken', { hint: 'use another --listen' })
    const run = world.start(['a'], {
      onStart: () => {
        throw error
      },
    })
    expect(await run.exitCode).toBe(1)
    expect(run.stderr()).toBe('p2psync: port 4001 is taken\nUse another --listen.\n')
    expect(await new ControlClient({ home: world.home }).isListening()).toBe(false)
  })
})
