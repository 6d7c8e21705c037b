import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deviceNameBytesMax } from '../../src/model/limits.ts'
import { parseDeviceId } from '../../src/model/device-id.ts'
import { parseFolderId } from '../../src/model/folder-id.ts'
import { defaultDeviceName, parseDeviceName } from '../../src/node/device-name.ts'
import { loadFolderKey, storeFolderKey } from '../../src/node/folder-key-file.ts'
import { folderState, prepareHome, resolveHome, type Home } from '../../src/node/home.ts'
import { loadSettings, noSettings, saveSettings, type NodeSettings } from '../../src/node/node-settings.ts'

let base: string
let home: Home

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'p2psync-home-'))
  home = await prepareHome(join(base, 'a', 'home'))
})

afterEach(async () => rm(base, { recursive: true, force: true }))

const settings: NodeSettings = {
  name: 'laptop',
  port: 4001,
  rescanIntervalMs: 7_200_000,
  limits: { up: 500_000, down: null, schedule: ['mon-fri 08:00-18:00 down=2MiB'] },
  folders: [
    {
      id: parseFolderId('ab'.repeat(32)),
      path: '/data/folder',
      nonce: '01'.repeat(16),
      order: { first: ['*.md'], last: ['/video/**'] },
      paused: true,
    },
  ],
  peers: [{ device: parseDeviceId(`12D3KooW${'A'.repeat(44)}`), addresses: ['/ip4/10.0.0.7/tcp/4001'] }],
  pausedPeers: [{ device: parseDeviceId(`12D3KooW${'B'.repeat(43)}Z`), name: 'nas' }],
  otherFields: {},
}

describe('where the state lives', () => {
  it('is the option, else the environment, else a place of the user', () => {
    expect(resolveHome('/x', { P2PSYNC_HOME: '/y' })).toBe('/x')
    expect(resolveHome(undefined, { P2PSYNC_HOME: 'y' })).toBe(resolve('y'))
    expect(resolveHome(undefined, { P2PSYNC_HOME: '' })).toMatch(/p2psync/)
    expect(resolveHome(undefined, {})).toBe(resolveHome(undefined, { P2PSYNC_HOME: '' }))
  })

  it('is made with its parents and closed to other users', async () => {
    expect((await stat(home.path)).mode & 0o777).toBe(0o700)
  })

  it('cannot be a file', async () => {
    await writeFile(join(base, 'file'), '')
    await expect(prepareHome(join(base, 'file'))).rejects.toMatchObject({ code: 'disk-failed' })
  })
})

describe('the settings', () => {
  it('are empty at first', async () => {
    expect(await loadSettings(home)).toEqual(noSettings)
  })

  it('come back as they were saved, and no other user reads them', async () => {
    await saveSettings(home, settings)
    expect(await loadSettings(home)).toEqual(settings)
    expect((await stat(home.settingsFile)).mode & 0o777).toBe(0o600)
  })

  it('keep the fields of another version', async () => {
    await writeFile(home.settingsFile, JSON.stringify({ color: { of: 'sky' }, folders: [] }))
    const loaded = await loadSettings(home)
    await saveSettings(home, { ...loaded, name: 'desk' })
    const { otherFields, ...known } = noSettings
    const stored: unknown = JSON.parse(await readFile(home.settingsFile, 'utf8'))
    expect(stored).toEqual({ ...otherFields, ...known, name: 'desk', color: { of: 'sky' } })
  })

  it('leave no temporary file behind', async () => {
    await saveSettings(home, settings)
    await saveSettings(home, settings)
    expect((await readdir(home.path)).toSorted()).toEqual(['folders', 'node.json'])
  })

  it('have no interval between scans, no limits and nothing paused when an earlier version wrote them', async () => {
    const folder = { id: 'ab'.repeat(32), path: '/a', nonce: '01'.repeat(16) }
    await writeFile(home.settingsFile, JSON.stringify({ name: 'desk', port: 4001, folders: [folder], peers: [] }))
    expect(await loadSettings(home)).toMatchObject({
      name: 'desk',
      rescanIntervalMs: null,
      limits: noSettings.limits,
      pausedPeers: [],
      folders: [{ ...folder, paused: false, order: { first: [], last: [] } }],
    })
  })

  it.each([
    '',
    '{"name":',
    '[]',
    'null',
    '{"port":70000}',
    '{"folders":{}}',
    '{"folders":[{"id":"x","path":"/a","nonce":"y"}]}',
    '{"peers":[{"device":"x","addresses":[]}]}',
    '{"rescanIntervalMs":-1}',
    '{"rescanIntervalMs":"30m"}',
    '{"limits":{"up":-1}}',
    '{"limits":{"schedule":["never"]}}',
    '{"pausedPeers":[{"device":"x"}]}',
    `{"folders":[{"id":"${'ab'.repeat(32)}","path":"/a","nonce":"${'01'.repeat(16)}","paused":1}]}`,
    `{"folders":[{"id":"${'ab'.repeat(32)}","path":"/a","nonce":"${'01'.repeat(16)}","order":{"first":[7]}}]}`,
  ])('are an error that says what to do, and stay as they are, when they are damaged: %s', async (text) => {
    await writeFile(home.settingsFile, text)
    await expect(loadSettings(home)).rejects.toMatchObject({
      code: 'node-failed',
      hint: expect.stringMatching(/Move it away/) as string,
    })
    expect(await readFile(home.settingsFile, 'utf8')).toBe(text)
  })
})

describe('the key of a folder', () => {
  it('is kept for this user alone', async () => {
    const state = folderState(home, parseFolderId('cd'.repeat(32)))
    expect(await loadFolderKey(state)).toBeNull()
    await storeFolderKey(state, 'text')
    expect(await loadFolderKey(state)).toBe('text')
    expect(state.keyFile).toBe(join(home.path, 'folders', 'cdcdcdcdcdcdcdcd', 'key'))
    expect((await stat(state.keyFile)).mode & 0o777).toBe(0o600)
    expect((await stat(state.path)).mode & 0o777).toBe(0o700)
  })
})

describe('the name of a device', () => {
  it('is short and clean whatever the computer is called', () => {
    const name = defaultDeviceName()
    expect(parseDeviceName(name)).toBe(name)
  })

  it('is refused, or fit for a file name of any device', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        let name: string
        try {
          name = parseDeviceName(text)
        } catch (error) {
          expect(error).toMatchObject({ code: 'usage' })
          return
        }
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(deviceNameBytesMax)
        expect(name).toBe(name.normalize('NFC').trim())
        expect(name).not.toMatch(/[/\\\p{Cc}]/u)
      }),
    )
  })

  it.each(['', '  ', 'a/b', 'a\nb', '\u202Eabc', 'x'.repeat(65)])('is refused: %j', (text) => {
    expect(() => parseDeviceName(text)).toThrow(/device name/)
  })
})
