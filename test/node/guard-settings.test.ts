import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parseFolderId } from '../../src/model/folder-id.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import { defaultGuard, type HeldChanges } from '../../src/model/guard-limits.ts'
import { guardOptions, keptGuard } from '../../src/node/guard-settings.ts'
import { prepareHome, type Home } from '../../src/node/home.ts'
import { noSettings, type KnownFolder } from '../../src/node/node-settings.ts'
import { SettingsFile } from '../../src/node/settings-file.ts'

const held: HeldChanges = { direction: 'outgoing', files: 60, device: 'laptop', since: 1, restoring: true }
const folder = (name: string, more: Partial<KnownFolder> = {}): KnownFolder => ({
  id: parseFolderId(name.repeat(32)),
  path: `/home/${name}`,
  nonce: '12'.repeat(16),
  order: noOrder,
  paused: false,
  ...more,
})

let base: string
let home: Home
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'p2psync-guard-'))
  home = await prepareHome(join(base, 'home'))
})
afterEach(() => rm(base, { recursive: true, force: true }))

it('keeps what one folder holds, over a restart of the node', async () => {
  const settings = await SettingsFile.open(home)
  await settings.update(() => ({ ...noSettings, folders: [folder('aa', { guard: null }), folder('bb')] }))
  await guardOptions(settings, '/home/bb').onHeld([held])
  const again = await SettingsFile.open(home)
  expect(guardOptions(again, '/home/bb')).toMatchObject({ limits: defaultGuard, held: [held] })
  expect(guardOptions(again, '/home/aa')).toMatchObject({ limits: null, held: [] })
  await guardOptions(again, '/home/bb').onHeld([])
  expect(guardOptions(await SettingsFile.open(home), '/home/bb').held).toEqual([])
})

it('keeps the limits of a folder that is added anew, and what waits as long as its index is the same', () => {
  const before = folder('aa', { guard: { sharePercent: 10, files: 100 }, held: [held] })
  expect(keptGuard(before, false)).toEqual({ guard: { sharePercent: 10, files: 100 }, held: [held] })
  expect(keptGuard(before, true)).toEqual({ guard: { sharePercent: 10, files: 100 } })
  expect(keptGuard(undefined, false)).toEqual({})
})
