import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readTree } from './folder-tree.ts'
import { freshPort, NodeProcess, runCli } from './node-process.ts'
import { Scratch } from './scratch.ts'
import { settle, World } from './world.ts'
import { write } from './write-files.ts'

const keyText = /p2psyncw1[a-z0-9]{58}/g

describe('the key of a folder', () => {
  it('is made with a new folder, printed exactly once with the line to type on the other device, and stored privately', async () => {
    using scratch = new Scratch()
    const node = new NodeProcess({ scratch, name: 'first', key: null, port: freshPort(), dials: [] })
    try {
      await node.start()
      await node.until(() => node.output.stdout.includes('waiting'), 'the first lines')
      const keys = node.output.stdout.match(keyText)
      expect(keys).toHaveLength(1)
      expect(node.output.stdout).toContain(`npx p2psync start ${node.folder} --key ${keys![0]}`)
      expect(node.output.stderr).not.toMatch(keyText)
      expect(await node.cli('key', 'show', node.folder)).toMatchObject({ exitCode: 0, stdout: `${keys![0]}\n` })
      const stored = await node.cli('key', 'show', node.folder, '--json')
      expect(JSON.parse(stored.stdout)).toEqual({ key: keys![0] })
      expect(statSync(node.home).mode & 0o077).toBe(0)
      for (const name of ['device.key', 'node.json']) expect(statSync(join(node.home, name)).mode & 0o777).toBe(0o600)
      await node.stop()
      await node.start()
      await node.until(() => node.output.stdout.includes('waiting'), 'the first lines')
      expect(node.output.stdout + node.output.stderr).not.toMatch(keyText)
      expect((await node.cli('status')).stdout).not.toMatch(keyText)
      expect((await node.cli('peers', '--json')).stdout).not.toMatch(keyText)
    } finally {
      await node.stop('SIGKILL')
    }
  })

  it('is shown after the node has stopped, too', async () => {
    await using world = await World.of(['A'])
    const [a] = world.nodes as [NodeProcess]
    await a.start()
    await a.stop()
    expect(await a.cli('key', 'show', a.folder)).toMatchObject({ exitCode: 0, stdout: `${world.key}\n` })
  })

  it('is new each time', async () => {
    const keys = await Promise.all([1, 2].map(() => runCli(['key', 'new'])))
    expect(keys.map(({ stdout }) => stdout.trim())).toEqual([
      expect.stringMatching(keyText),
      expect.stringMatching(keyText),
    ])
    expect(keys[0]!.stdout).not.toBe(keys[1]!.stdout)
  })

  it('that is wrong lets nothing through, and both users are told which device and why', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    const other = (await runCli(['key', 'new'])).stdout.trim()
    const stranger = new NodeProcess({
      scratch: world.scratch,
      name: 'S',
      key: other,
      port: freshPort(),
      dials: [a.port],
    })
    write(a.folder, 'secret', 'secret')
    write(stranger.folder, 'of a stranger', 'x')
    try {
      await world.start()
      await stranger.start()
      for (const node of [stranger, a]) {
        await node.until(async () => (await node.peers()).some((peer) => peer.refused !== null), 'the refusal')
        const refused = (await node.peers()).find((peer) => peer.refused !== null)!
        const shown = await node.cli('peers')
        expect(shown.stdout).toContain('refused: ')
        expect(shown.stdout).toContain('no folder key in common')
        expect(shown.stdout).toContain(refused.device)
        await node.until(() => node.output.stdout.includes('refused: '), 'the refusal on the screen')
      }
      await settle([a, b], { expected: readTree(a.folder), honest: true })
      expect((await stranger.status())?.state).toBe('waiting')
      expect([...readTree(stranger.folder).keys()]).toEqual(['of a stranger'])
      expect([...readTree(a.folder).keys()]).toEqual(['secret'])
    } finally {
      await stranger.stop('SIGKILL')
    }
  })

  it('with a typing error is told from a wrong one, before anything is made, and is not repeated', async () => {
    using scratch = new Scratch()
    const good = (await runCli(['key', 'new'])).stdout.trim()
    const last = good.endsWith('q') ? 'p' : 'q'
    const cases = [
      [good.slice(0, -1) + last, 'typing error'],
      [good.slice(0, -3), 'typing error'],
      ['hello', 'not a p2psync key'],
    ] as const
    for (const [key, reason] of cases) {
      const node = new NodeProcess({ scratch, name: 'A', key, port: freshPort(), dials: [] })
      const result = await node.startInVain()
      expect(result.exitCode).toBe(2)
      expect(result.stderr).toContain(reason)
      expect(result.stderr + result.stdout).not.toContain(key)
      expect(statSync(node.folder, { throwIfNoEntry: false })).toBeUndefined()
    }
  })

  it('cannot be changed for a folder that has one', async () => {
    await using world = await World.of(['A'])
    const [a] = world.nodes as [NodeProcess]
    await a.start()
    await a.stop()
    const other = (await runCli(['key', 'new'])).stdout.trim()
    const again = new NodeProcess({ scratch: world.scratch, name: 'A', key: other, port: a.port, dials: [] })
    const result = await again.startInVain()
    expect(result).toMatchObject({ exitCode: 1 })
    expect(result.stderr).toContain('another key')
  })
})
