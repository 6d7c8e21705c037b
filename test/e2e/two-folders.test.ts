import { randomBytes } from 'node:crypto'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { FolderStatus } from '../../src/node/node-api.ts'
import { runCli, type NodeProcess } from './node-process.ts'
import { settle, World } from './world.ts'

it('a folder gets from another one of its node what that has, instead of over the network', async () => {
  await using world = await World.of(['a', 'b'])
  const [a, b] = world.nodes as [NodeProcess, NodeProcess]
  await world.start()
  const kept = world.scratch.at('kept')
  mkdirSync(kept)
  // Of two sizes: one that is fetched as soon as its record is known, and one that is told of while it is hashed.
  writeFileSync(join(kept, 'medium'), randomBytes(4_000_000))
  writeFileSync(join(kept, 'large'), randomBytes(30_000_000))
  const P2PSYNC_KEY = (await runCli(['key', 'new'])).stdout.trim()
  const environment = { ...b.environment(), P2PSYNC_KEY }
  expect(await runCli(['start', kept, '--home', b.home], { environment })).toMatchObject({ exitCode: 0 })
  const isKept = async (): Promise<boolean> => {
    const { folders } = JSON.parse((await b.cli('status', '--json')).stdout) as { folders: FolderStatus[] }
    return folders.some(({ path, files, state }) => path === kept && files === 2 && state === 'waiting')
  }
  await b.until(isKept, 'the other folder to be scanned')
  await settle([a, b])
  await b.cli('limit', '--down', '512KiB')
  const began = performance.now()
  cpSync(kept, join(a.folder, 'copies'), { recursive: true, filter: (path) => !path.includes('.p2psync') })
  const tree = await settle([a, b])
  expect([...tree.keys()].toSorted()).toEqual(['copies', 'copies/large', 'copies/medium'])
  // By the limit it would take more than a minute.
  expect(performance.now() - began).toBeLessThan(30_000)
}, 120_000)
