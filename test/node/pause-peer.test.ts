import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseDeviceId } from '../../src/model/device-id.ts'
import { prepareHome, type Home } from '../../src/node/home.ts'
import type { PausedPeer } from '../../src/node/node-api.ts'
import { setPeerPaused } from '../../src/node/pause-peer.ts'
import { SettingsFile } from '../../src/node/settings-file.ts'

const [deviceA, deviceB, deviceC] = ['A', 'B', 'C'].map((letter) => parseDeviceId(`12D3KooW${letter.repeat(44)}`))
const desk = { device: deviceA!, name: 'desk' }
const peers = [desk, { device: deviceB!, name: 'nas' }, { device: deviceC!, name: 'nas' }, { ...desk, name: 'desk' }]

describe('pausing a device', () => {
  let base: string
  let home: Home
  let settings: SettingsFile
  let changed: string[]

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'p2psync-pause-'))
    home = await prepareHome(base)
    settings = await SettingsFile.open(home)
    changed = []
  })

  afterEach(async () => rm(base, { recursive: true, force: true }))

  const set = (peer: string, paused: boolean): Promise<PausedPeer> =>
    setPeerPaused({ settings, peers, onChanged: (device) => changed.push(device) }, peer, paused)

  it('is remembered with its name, until it is resumed', async () => {
    expect(await set('desk', true)).toEqual(desk)
    expect(await set(deviceA!, true)).toEqual(desk)
    expect((await SettingsFile.open(home)).current.pausedPeers).toEqual([desk])
    await set('desk', false)
    await set('desk', false)
    expect((await SettingsFile.open(home)).current.pausedPeers).toEqual([])
    expect(changed).toEqual([deviceA, deviceA])
  })

  it('takes the id of a device that was not seen yet', async () => {
    const device = parseDeviceId(`12D3KooW${'D'.repeat(44)}`)
    expect(await set(device, true)).toEqual({ device, name: '' })
  })

  it.each([
    ['nas', 'several devices are called "nas"'],
    ['phone', 'no device is known as "phone"'],
    ['', 'no device is known as ""'],
  ])('asks for the id when the name %j does not tell', async (name, message) => {
    await expect(set(name, true)).rejects.toMatchObject({ code: 'peer-unknown', message })
    expect(changed).toEqual([])
  })
})
