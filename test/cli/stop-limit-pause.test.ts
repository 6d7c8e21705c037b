import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderStatus, otherDevice, peerStatus } from '../control/fake-node.ts'
import { CommandWorld } from './command-world.ts'

let world: CommandWorld
beforeEach(async () => {
  world = await CommandWorld.make()
})
afterEach(() => world.remove())

describe('stop and remove', () => {
  it('stop returns when the home is free', async () => {
    const node = await world.runningNode()
    void node.done.then(async () => world.server?.stop())
    expect(await world.run(['stop'])).toEqual({ code: 0, stdout: 'The node has stopped.\n', stderr: '' })
    expect((await world.run(['stop'])).code).toBe(3)
  })

  it('remove names the folder and keeps its files', async () => {
    const node = await world.runningNode()
    await mkdir(join(world.base, 'a'))
    node.folders = [folderStatus({ path: join(world.base, 'a') })]
    const { code, stdout } = await world.run(['remove', './a'], { workingFolder: world.base })
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `No longer syncing ${join(world.base, 'a')}; its files stay.\n`,
    })
    expect(node.folders).toEqual([])
    expect((await world.run(['remove', './a'], { workingFolder: world.base })).code).toBe(1)
  })
})

describe('limit', () => {
  it('shows what holds now, else, and when that changes', async () => {
    const node = await world.runningNode()
    expect((await world.run(['limit'])).stdout).toBe('up    no limit\ndown  no limit\n')
    node.limits = () =>
      Promise.resolve({
        now: { up: 512_000, down: null },
        otherwise: { up: null, down: null },
        schedule: ['mon-fri 08:00-18:00 up=500KiB'],
        until: 'mon 18:00',
      })
    expect((await world.run(['limit'])).stdout).toBe(`up    500KiB/s by the schedule, otherwise no limit
down  no limit
schedule
  mon-fri 08:00-18:00 up=500KiB
next change: mon 18:00
`)
  })

  it('changes what is given and nothing else', async () => {
    const node = await world.runningNode()
    await world.run([
      'limit',
      '--up',
      '2MiB',
      '--schedule',
      'sat up=none; sun up=none',
      '--schedule',
      '00:00-06:00 up=none',
    ])
    const schedule = ['sat up=none', 'sun up=none', '00:00-06:00 up=none']
    expect(node.choice).toEqual({ up: 2_097_152, down: null, schedule })
    const { stdout } = await world.run(['limit', '--down', '1MB', '--up', 'none', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ otherwise: { up: null, down: 1_000_000 }, schedule })
    await world.run(['limit', '--no-schedule'])
    expect(node.choice).toEqual({ up: null, down: 1_000_000, schedule: [] })
  })
})

describe('pause and resume', () => {
  it('name one folder, or take all', async () => {
    const node = await world.runningNode()
    node.folders = [folderStatus({ path: '/data/a' }), folderStatus({ path: '/data/b' })]
    const states = (): readonly string[] => node.folders.map((folder) => folder.state)
    expect(await world.run(['pause', 'a'], { workingFolder: '/data' })).toEqual({
      code: 0,
      stdout: 'Paused /data/a\n',
      stderr: '',
    })
    expect(states()).toEqual(['paused', 'in-sync'])
    expect((await world.run(['status', '/data/a'])).stdout).toContain('state      paused; go on with p2psync resume\n')
    expect(JSON.parse((await world.run(['pause', '--json'])).stdout)).toEqual({
      folders: ['/data/a', '/data/b'],
      paused: true,
    })
    expect(states()).toEqual(['paused', 'paused'])
    expect((await world.run(['pause'])).stdout).toBe('/data/a was already paused\n/data/b was already paused\n')
    expect((await world.run(['resume'])).stdout).toBe('Resumed /data/a\nResumed /data/b\n')
    expect(await world.run(['resume', '/data/b'])).toMatchObject({ code: 0, stdout: '/data/b was not paused\n' })
    expect(await world.run(['pause', '/data/c'])).toMatchObject({ code: 1, stdout: '' })
  })

  it('name a device, which is shown as paused', async () => {
    const node = await world.runningNode()
    node.devices = [peerStatus({ connectedSince: null, address: '' })]
    expect((await world.run(['pause', '--peer', 'desk'])).stdout).toBe('Paused desk\n')
    expect(await world.run(['pause', '--peer', 'desk'])).toMatchObject({ code: 0, stdout: 'desk was already paused\n' })
    expect((await world.run(['peers'])).stdout).toMatch(/\ndesk +paused +- +- +- +- +12D3/)
    const { stdout } = await world.run(['resume', '--peer', otherDevice, '--json'])
    expect(JSON.parse(stdout)).toEqual({ peer: { device: otherDevice, name: 'desk' }, paused: false })
    expect(await world.run(['pause', '--peer', 'nobody'])).toMatchObject({ code: 1, stdout: '' })
  })
})
