import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readTree } from './e2e/folder-tree.ts'
import type { NodeProcess } from './e2e/node-process.ts'
import { repository } from './e2e/program.ts'
import { settle, World } from './e2e/world.ts'

describe("the project's own node_modules", () => {
  it('are the same on a second device, entry by entry: bytes, link targets, modes and times', async () => {
    await using world = await World.of(['A', 'B'])
    const [a, b] = world.nodes as [NodeProcess, NodeProcess]
    mkdirSync(a.folder)
    // A link of npm's to the project itself is a link like any other.
    expect(spawnSync('cp', ['-a', join(repository, 'node_modules'), a.folder]).status).toBe(0)
    const expected = readTree(a.folder)
    const entries = [...expected.values()]
    expect(entries.length).toBeGreaterThan(5_000)
    expect(entries.some((entry) => entry.text.startsWith('link'))).toBe(true)
    expect(entries.some((entry) => entry.text.endsWith('executable'))).toBe(true)

    await world.start()
    await b.until(
      async () => (await b.status())?.state === 'in-sync' && existsSync(join(b.folder, 'node_modules')),
      'all of it',
    )
    await settle(world.nodes, { expected, timeoutMs: 120_000 })
    expect(await b.status()).toMatchObject({ problemCount: 0, conflicts: 0, needed: { files: 0, bytes: 0 } })
  }, 180_000)
})
