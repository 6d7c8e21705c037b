import { writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseFolderId } from '../../src/model/folder-id.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import { storeFolderKey } from '../../src/node/folder-key-file.ts'
import { folderState, prepareHome } from '../../src/node/home.ts'
import { parseFolderKey } from '../../src/node/key-text.ts'
import { noSettings, saveSettings } from '../../src/node/node-settings.ts'
import { fakeKey, folderStatus } from '../control/fake-node.ts'
import { CommandWorld } from './command-world.ts'

let world: CommandWorld
beforeEach(async () => {
  world = await CommandWorld.make()
})
afterEach(() => world.remove())

describe('key', () => {
  it('new prints a fresh key alone, without a node or a home', async () => {
    const first = await world.run(['key', 'new'])
    const second = await world.run(['key', 'new', '--json'])
    expect(parseFolderKey(first.stdout)).toHaveLength(32)
    expect(first.stdout.split('\n')).toHaveLength(2)
    expect(JSON.parse(second.stdout)).not.toEqual({ key: first.stdout.trim() })
  })

  it('show prints the key alone in a pipe', async () => {
    const node = await world.runningNode()
    node.folders = [folderStatus({ path: '/data/a' })]
    expect(await world.run(['key', 'show', '/data/a'])).toEqual({ code: 0, stdout: `${fakeKey}\n`, stderr: '' })
    expect((await world.run(['key', 'show', '/data/b'])).code).toBe(1)
  })

  it('show adds a QR code on a terminal', async () => {
    const node = await world.runningNode()
    node.folders = [folderStatus({ path: '/data/a' })]
    const { stdout } = await world.run(['key', 'show', '/data/a'], { columns: 80 })
    expect(stdout).toMatch(/^[█▀▄ \n]+\n/)
    expect(stdout.endsWith(`\n\n${fakeKey}\n`)).toBe(true)
  })

  it('show works from what is stored when no node runs', async () => {
    const prepared = await prepareHome(world.home)
    const id = parseFolderId('ab'.repeat(32))
    await saveSettings(prepared, {
      ...noSettings,
      folders: [{ id, path: '/data/a', nonce: '01'.repeat(16), order: noOrder, paused: false }],
    })
    await storeFolderKey(folderState(prepared, id), 'stored')
    expect(await world.run(['key', 'show', '/data/a'])).toMatchObject({ code: 0, stdout: 'stored\n' })
    expect(await world.run(['key', 'show', '/data/b'])).toMatchObject({ code: 3, stdout: '' })
    await writeFile(prepared.settingsFile, '{')
    expect(await world.run(['key', 'show', '/data/a'])).toMatchObject({ code: 1, stdout: '' })
  })
})
