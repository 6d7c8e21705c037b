import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderStatus, otherDevice } from '../control/fake-node.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { StartWorld } from './start-world.ts'

let world: StartWorld
beforeEach(async () => {
  world = await StartWorld.make()
})
afterEach(() => world.remove())

describe('what start tells', () => {
  it('is at most one line a second in a pipe, and ends with the last word', async () => {
    const clock = new ManualClock()
    const run = await world.started(['a'], { clock })
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
    const run = await world.started(['a'], { clock, columns: 50 })
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
    const run = await world.started(['a'])
    const before = run.stdout().length
    run.node()!.emit({ type: 'stopping', at: 0 })
    run.node()!.emit({ type: 'folder', at: 0, folder: folderStatus({ path: '/data/a', state: 'waiting' }) })
    await run.node()!.stop()
    await run.exitCode
    expect(run.stdout().slice(before).split('\n')).not.toContain('waiting for a device: /data/a (1,234 files, 1.23 GB)')
    expect(run.stdout().slice(before)).toMatch(/stopping\nstopped\n$/)
  })

  it('is every event as JSON when asked for', async () => {
    const run = await world.started(['a', '--json'])
    const event = { type: 'warning', at: 5, message: 'no multicast', hint: 'x' } as const
    run.node()!.emit(event)
    const lines = run.stdout().trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['started', 'folder', 'warning'])
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual(event)
  })
})
