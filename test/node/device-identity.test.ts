import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isDeviceId } from '../../src/model/device-id.ts'
import { deviceTagOf, loadOrCreateDeviceIdentity } from '../../src/node/device-identity.ts'

describe('loadOrCreateDeviceIdentity', () => {
  let folder: string
  let file: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'p2psync-identity-'))
    file = join(folder, 'state', 'device.key')
  })

  afterEach(() => rm(folder, { recursive: true }))

  it('makes a key that this user alone can read, and finds it again', async () => {
    const made = await loadOrCreateDeviceIdentity(file)
    const found = await loadOrCreateDeviceIdentity(file)
    expect(isDeviceId(made.device)).toBe(true)
    expect(found.device).toBe(made.device)
    expect(found.privateKey.equals(made.privateKey)).toBe(true)
    expect(found.deviceTag).toEqual(deviceTagOf(made.device))
    expect(found.deviceTag).toHaveLength(8)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(folder, 'state'))).toEqual(['device.key'])
  })

  it('makes another device each time', async () => {
    const [a, b] = [await loadOrCreateDeviceIdentity(file), await loadOrCreateDeviceIdentity(join(folder, 'other.key'))]
    expect(a.device).not.toBe(b.device)
    expect(a.deviceTag).not.toEqual(b.deviceTag)
  })

  it('refuses a key that others can read, and says how to mend it', async () => {
    await loadOrCreateDeviceIdentity(file)
    await chmod(file, 0o640)
    await expect(loadOrCreateDeviceIdentity(file)).rejects.toMatchObject({
      code: 'node-failed',
      hint: `chmod 600 ${file}`,
    })
  })

  it('refuses a damaged key and leaves it as it is', async () => {
    for (const content of ['', 'nonsense', 'x'.repeat(5000)]) {
      const damaged = join(folder, 'damaged.key')
      await writeFile(damaged, content, { mode: 0o600 })
      await expect(loadOrCreateDeviceIdentity(damaged)).rejects.toMatchObject({ code: 'node-failed' })
      expect(await readFile(damaged, 'utf8')).toBe(content)
    }
  })

  it('refuses a symlink', async () => {
    await loadOrCreateDeviceIdentity(file)
    await symlink(file, join(folder, 'link.key'))
    await expect(loadOrCreateDeviceIdentity(join(folder, 'link.key'))).rejects.toMatchObject({ code: 'node-failed' })
  })
})
