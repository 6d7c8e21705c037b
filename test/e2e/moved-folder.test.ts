import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { NodeProcess } from './node-process.ts'
import { settle, World } from './world.ts'
import { noise, write } from './write-files.ts'

describe('a folder that is moved', () => {
  it('is renamed on the other device, with what is not synced in it, now and after both were off', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    for (let i = 0; i < 400; i++) write(a.folder, `photos/${i % 7}/${i}`, noise(i * 20, i))
    mkdirSync(join(a.folder, 'archive'))
    await world.start()
    await settle(world.nodes)
    execFileSync('mkfifo', [join(b.folder, 'photos/3/pipe')])
    const before = inodesOf(join(b.folder, 'photos'))

    renameSync(join(a.folder, 'photos'), join(a.folder, 'archive/photos of 2026'))
    await untilMoved(b, 'archive/photos of 2026')
    expect(inodesOf(join(b.folder, 'archive/photos of 2026'))).toEqual(before)
    expect(existsSync(join(b.folder, 'photos'))).toBe(false)

    await world.stop()
    renameSync(join(a.folder, 'archive/photos of 2026'), join(a.folder, 'photos'))
    await world.start()
    await untilMoved(b, 'photos')
    expect(inodesOf(join(b.folder, 'photos'))).toEqual(before)
    expect(readdirSync(b.folder).sort()).toEqual(['.p2psync', 'archive', 'photos'])
  })
})

/** Not by the trees: whoever reads a FIFO waits for its writer. */
async function untilMoved(node: NodeProcess, path: string): Promise<void> {
  await node.until(() => existsSync(join(node.folder, path, '3/pipe')), `the move to ${path}`)
}

function inodesOf(root: string): Record<string, number> {
  const names = readdirSync(root, { recursive: true }).map(String)
  return Object.fromEntries(['', ...names].map((name) => [name, lstatSync(join(root, name)).ino]))
}
