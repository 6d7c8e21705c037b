import { appendFileSync, renameSync, rmSync, unlinkSync, utimesSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readTree } from './folder-tree.ts'
import type { NodeProcess } from './node-process.ts'
import { settle, World } from './world.ts'
import { folder, link, noise, write } from './write-files.ts'

async function sync(world: World): Promise<readonly [a: NodeProcess, b: NodeProcess]> {
  const [a, b] = world.nodes as [NodeProcess, NodeProcess]
  write(a.folder, 'edited', 'old')
  write(a.folder, 'deleted', 'going')
  write(a.folder, 'renamed', noise(150_000, 1))
  write(a.folder, 'becomes a folder', 'file')
  write(a.folder, 'becomes a file/inside', 'inside')
  write(a.folder, 'same size and time', 'one', { mtime: 1_700_000_000 })
  link(a.folder, 'link', 'edited')
  folder(a.folder, 'empty')
  for (let i = 0; i < 60; i++) write(a.folder, `moving/${i % 6}/${i}`, noise(i * 1000, i))
  await world.start()
  await settle(world.nodes, { expected: readTree(a.folder), honest: true })
  return [a, b]
}

function changeEverything(root: string): void {
  write(root, 'edited', 'new')
  unlinkSync(`${root}/deleted`)
  renameSync(`${root}/renamed`, `${root}/renamed to this`)
  unlinkSync(`${root}/becomes a folder`)
  write(root, 'becomes a folder/inside', 'inside')
  rmSync(`${root}/becomes a file`, { recursive: true })
  write(root, 'becomes a file', 'file')
  write(root, 'same size and time', 'two', { mtime: 1_700_000_000 })
  unlinkSync(`${root}/link`)
  link(root, 'link', 'renamed to this')
  rmSync(`${root}/empty`, { recursive: true })
  renameSync(`${root}/moving`, `${root}/moved`)
  write(root, 'created', noise(2_000_000, 99))
}

describe('what happened while a node was off', () => {
  it('is carried over when the changed device comes back', async () => {
    await using world = await World.of(['A', 'B'])
    const [a] = await sync(world)
    await a.stop()
    changeEverything(a.folder)
    const expected = readTree(a.folder)
    await a.start()
    await settle(world.nodes, { expected })
    expect((await a.status())?.conflicts).toBe(0)
  })

  it('is carried over when the other device comes back', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = await sync(world)
    await b.stop()
    changeEverything(a.folder)
    const expected = readTree(a.folder)
    await a.until(async () => (await a.status())?.files === 66, 'its own changes to be known')
    await b.start()
    await settle(world.nodes, { expected, honest: true })
    expect((await b.status())?.conflicts).toBe(0)
  })

  it('is carried over when both were off and changed different files', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = await sync(world)
    await world.stop()
    changeEverything(a.folder)
    write(b.folder, 'of B', 'new on B')
    write(b.folder, 'folder of B/deep/file', 'new on B')
    const expected = new Map([
      ...readTree(a.folder),
      ...[...readTree(b.folder)].filter(([path]) => path.includes('of B')),
    ])
    await world.start()
    await settle(world.nodes, { expected })
    expect((await b.status())?.conflicts).toBe(0)
  })

  it('is nothing when only times of access and of folders have changed', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = await sync(world)
    const before = readTree(a.folder)
    await world.stop()
    utimesSync(`${a.folder}/moving`, 1_600_000_000, 1_600_000_000)
    utimesSync(`${b.folder}/empty`, 1_600_000_000, 1_600_000_000)
    const lastChange = (await startAndAsk(a)).lastChange
    await b.start()
    await settle(world.nodes, { expected: before, honest: true })
    expect(lastChange).toBeNull()
  })

  it('reaches a device that is restarted again and again, and one that is never told twice', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = await sync(world)
    for (let round = 0; round < 3; round++) {
      await b.stop(round === 1 ? 'SIGKILL' : 'SIGTERM')
      appendFileSync(`${a.folder}/edited`, ` ${round}`)
      write(b.folder, `made by B in round ${round}`, `${round}`)
      await b.start()
      await settle(world.nodes)
    }
    const tree = readTree(b.folder)
    expect([...tree.keys()].filter((path) => path.startsWith('made by B'))).toHaveLength(3)
    expect((await b.status())?.conflicts).toBe(0)
  })

  it('keeps the deletion of a file that the other device never had changed', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = await sync(world)
    // It is most of what there is, and nobody is to be asked.
    for (const node of [a, b]) expect(await node.cli('guard', node.folder, '--off')).toMatchObject({ exitCode: 0 })
    await world.stop()
    rmSync(`${a.folder}/moving`, { recursive: true })
    rmSync(`${b.folder}/moving/3`, { recursive: true })
    await world.start()
    const tree = await settle(world.nodes, { honest: true })
    expect([...tree.keys()].filter((path) => path.startsWith('moving'))).toEqual([])
  })

  it('ends a node by SIGTERM and by the stop command with exit code 0', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = await sync(world)
    expect(await a.stop('SIGTERM')).toBe(0)
    const stopped = await b.cli('stop')
    expect(stopped).toMatchObject({ exitCode: 0, stderr: '' })
    await expect.poll(() => b.isRunning, { timeout: 10_000 }).toBe(false)
    expect(b.output.stdout).toContain('stopped')
    expect(await b.cli('status')).toMatchObject({ exitCode: 3 })
  })
})

async function startAndAsk(node: NodeProcess): Promise<{ lastChange: unknown }> {
  await node.start()
  await node.until(async () => (await node.status())?.state === 'waiting', 'its scan to end')
  return (await node.status())!
}
