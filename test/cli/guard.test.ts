import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderStatus } from '../control/fake-node.ts'
import { CommandWorld } from './command-world.ts'

let world: CommandWorld
beforeEach(async () => {
  world = await CommandWorld.make()
})
afterEach(() => world.remove())

describe('guard', () => {
  const held = {
    direction: 'incoming',
    files: 60,
    device: 'desk',
    since: Date.now() - 120_000,
    restoring: false,
  } as const

  it('shows what waits, here and in status, with the next step', async () => {
    const node = await world.runningNode()
    const hint = 'To let it happen: p2psync guard approve <folder>.'
    node.folders = [folderStatus({ path: '/data/a', state: 'held', held: [held], hint })]
    const line = '60 files removed or rewritten by desk 2 minutes ago, waiting for you'
    expect((await world.run(['guard', '/data/a'])).stdout).toBe(
      `/data/a: more than 50 % or 10,000 files removed or rewritten at once wait for you\n  ${line}\n`,
    )
    const { stdout } = await world.run(['status'])
    expect(stdout).toContain(`  held       ${line}\n             ${hint.replace('<folder>', '/data/a')}\n`)
    expect(JSON.parse((await world.run(['guard', '/data/a', '--json'])).stdout)).toMatchObject({ held: [held] })
  })

  it('decides about it', async () => {
    const node = await world.runningNode()
    node.folders = [folderStatus({ path: '/data/a', held: [held] })]
    expect(await world.run(['guard', 'reject', 'a'], { workingFolder: '/data' })).toEqual({
      code: 0,
      stdout: '/data/a: 60 files stay, and are given back to other devices\n',
      stderr: '',
    })
    expect(JSON.parse((await world.run(['guard', 'approve', '/data/a', '--json'])).stdout)).toMatchObject({ held: [] })
    expect(node.decisions).toEqual(['reject', 'approve'])
    node.folders = ['/data/a', '/data/b c'].map((path) =>
      folderStatus({ path, held: path === '/data/a' ? [] : [held] }),
    )
    expect((await world.run(['guard', 'approve'])).stdout).toContain(
      '/data/b c: 60 files are removed or rewritten here',
    )
    node.folders = ['/data/b c', '/data/a'].map((path) => folderStatus({ path, held: [held] }))
    const { code, stderr } = await world.run(['guard', 'reject'])
    expect([code, stderr]).toEqual([2, expect.stringContaining("guard reject '/data/b c'")])
    expect(await world.run(['guard', 'approve', '/data/b'])).toMatchObject({ code: 1, stdout: '' })
  })

  it('changes what is given and nothing else', async () => {
    const node = await world.runningNode()
    node.folders = [folderStatus({ path: '/data/a' })]
    await world.run(['guard', '/data/a', '--share', '80%'])
    expect(node.folders[0]?.guard).toEqual({ sharePercent: 80, files: 10_000 })
    await world.run(['guard', '/data/a', '--off'])
    expect(node.folders[0]?.guard).toBeNull()
    expect(await world.run(['guard', '/data/a', '--share', '101'])).toMatchObject({ code: 2, stdout: '' })
    expect((await world.run(['guard', '/data/a', '--files', '7'])).stdout).toContain('more than 50 % or 7 files')
  })
})
