import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { NodeProcess } from './node-process.ts'
import { settle, World } from './world.ts'

const MiB = 1024 * 1024

describe('a paused folder', () => {
  it('rests, over a restart too, and catches up when it is resumed', async () => {
    await using world = await World.of(['a', 'b'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    await world.start()
    writeFileSync(join(a.folder, 'one'), '1')
    await settle([a, b])
    expect(await b.cli('pause', b.folder)).toEqual({ exitCode: 0, stdout: `Paused ${b.folder}\n`, stderr: '' })
    expect(await b.status()).toMatchObject({ state: 'paused', files: 1, peersConnected: 0 })
    writeFileSync(join(a.folder, 'two'), '2')
    writeFileSync(join(b.folder, 'three'), '3')
    await a.until(async () => (await a.status())?.files === 2, 'its own file')
    // The other device does not take this one for one without the key.
    await a.until(async () => (await a.peers()).some((peer) => peer.connectedSince !== null), 'the paused device')
    expect((await a.peers()).map((peer) => peer.refused)).toEqual([null])
    await b.stop()
    await b.start()
    expect(await b.status()).toMatchObject({ state: 'paused', files: 1 })
    expect(existsSync(join(b.folder, 'two'))).toBe(false)
    expect(existsSync(join(a.folder, 'three'))).toBe(false)
    expect((await b.cli('resume')).stdout).toBe(`Resumed ${b.folder}\n`)
    const tree = await settle([a, b])
    expect([...tree.keys()].toSorted()).toEqual(['one', 'three', 'two'])
  }, 120_000)
})

describe('a paused device', () => {
  it('is left alone, over a restart too, until it is resumed', async () => {
    await using world = await World.of(['a', 'b'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    await world.start()
    writeFileSync(join(a.folder, 'one'), '1')
    await settle([a, b])
    expect(await a.cli('pause', '--peer', 'b')).toEqual({ exitCode: 0, stdout: 'Paused b\n', stderr: '' })
    expect(await a.peers()).toMatchObject([{ name: 'b', paused: true, connectedSince: null, refused: null }])
    expect(await a.status()).toMatchObject({ peersConnected: 0 })
    writeFileSync(join(a.folder, 'two'), '2')
    await a.until(async () => (await a.status())?.state === 'waiting', 'rest')
    await a.stop()
    await a.start()
    await a.until(async () => (await a.status())?.state === 'waiting', 'rest')
    expect(await a.peers()).toMatchObject([{ name: 'b', paused: true, connectedSince: null }])
    expect(existsSync(join(b.folder, 'two'))).toBe(false)
    expect((await a.cli('resume', '--peer', 'b')).stdout).toBe('Resumed b\n')
    const tree = await settle([a, b])
    expect([...tree.keys()].toSorted()).toEqual(['one', 'two'])
    expect((await a.cli('pause', '--peer', 'c')).stderr).toContain('no device is known as "c"\nName one by its id')
  }, 120_000)
})

describe('the order of a folder', () => {
  it('is changed by a later start and kept', async () => {
    await using world = await World.of(['a', 'b'], { extra: { extra: ['--first', '*.md', '--last', '/iso'] } })
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    await world.start()
    const order = (): unknown => {
      const settings = JSON.parse(readFileSync(join(a.home, 'node.json'), 'utf8')) as { folders: { order: unknown }[] }
      return settings.folders[0]?.order
    }
    expect(order()).toEqual({ first: ['*.md'], last: ['/iso'] })
    writeFileSync(join(a.folder, 'one.md'), '1')
    await settle([a, b])
    expect(await a.cli('start', a.folder, '--last', '')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(order()).toEqual({ first: ['*.md'], last: [] })
    writeFileSync(join(b.folder, 'two.md'), '2')
    const tree = await settle([a, b])
    expect([...tree.keys()].toSorted()).toEqual(['one.md', 'two.md'])
  }, 120_000)
})

describe('a limit', () => {
  it('holds for a running node, is kept, and can be lifted while files are on their way', async () => {
    await using world = await World.of(['a', 'b'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    await world.start()
    expect((await b.cli('limit', '--down', '1MiB')).stdout).toBe('up    no limit\ndown  1MiB/s\n')
    await b.stop()
    await b.start()
    expect(JSON.parse((await b.cli('limit', '--json')).stdout)).toMatchObject({ now: { up: null, down: MiB } })
    await settle([a, b])
    const began = performance.now()
    writeFileSync(join(a.folder, 'file'), randomBytes(5 * MiB))
    await settle([a, b])
    // The first piece goes at once, on credit.
    expect(performance.now() - began).toBeGreaterThan(3000)
    await a.cli('limit', '--up', '10KiB')
    await b.cli('limit', '--down', 'none')
    writeFileSync(join(a.folder, 'large'), randomBytes(20 * MiB))
    await b.until(async () => ((await b.status())?.needed.files ?? 0) === 1, 'news of the file')
    await a.cli('limit', '--up', 'none')
    await settle([a, b])
  }, 120_000)
})
