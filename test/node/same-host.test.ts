import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile, mkdir } from 'node:fs/promises'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseDeviceId, type DeviceId } from '../../src/model/device-id.ts'
import { SameHost, sameHostFolder } from '../../src/node/same-host.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { MemoryLogger } from './test-transports.ts'

const [a, b] = [parseDeviceId(`12D3KooW${'2'.repeat(44)}`), parseDeviceId(`12D3KooW${'3'.repeat(44)}`)]

describe('SameHost', () => {
  let base: string
  let folder: string
  let running: SameHost[]
  let logger: MemoryLogger
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'p2psync-test-'))
    folder = join(base, 'nodes')
    running = []
    logger = new MemoryLogger()
  })
  afterEach(async () => {
    await Promise.all(running.map((node) => node.stop()))
    await rm(base, { recursive: true })
  })

  const start = async (device: DeviceId, addresses = [`/ip4/127.0.0.1/tcp/1/p2p/${device}`]) => {
    const found = new Map<DeviceId, readonly string[]>()
    const node = new SameHost({
      folder,
      device,
      addresses: () => addresses,
      onFound: (other, at) => found.set(other, at),
      clock: systemClock,
      logger,
    })
    running.push(node)
    await node.start()
    return { node, found }
  }
  const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 10 })

  it('lets two nodes find each other, whoever comes first, and loopback addresses come first', async () => {
    const [first, second] = [await start(a), await start(b, ['/ip4/10.0.0.1/tcp/2', '/ip4/127.0.0.1/tcp/2'])]
    await eventually(() => expect(second.found.get(a)).toEqual(['/ip4/127.0.0.1/tcp/1']))
    await eventually(() => expect(first.found.get(b)).toEqual(['/ip4/127.0.0.1/tcp/2', '/ip4/10.0.0.1/tcp/2']))
  })

  it('keeps folder and file to the user, and takes the file away when it stops', async () => {
    const { node } = await start(a)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, `${a}.json`))).mode & 0o777).toBe(0o600)
    expect(JSON.parse(await readFile(join(folder, `${a}.json`), 'utf8'))).toMatchObject({ peerId: a, pid: process.pid })
    await node.stop()
    expect(await readdir(folder)).toEqual([])
  })

  it('ignores and removes the file of a process that has ended', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    await mkdir(folder, { mode: 0o700 })
    await writeFile(join(folder, `${b}.json`), JSON.stringify({ peerId: b, addrs: ['/ip4/127.0.0.1/tcp/2'], pid }))
    const { found } = await start(a)
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([`${a}.json`]), { timeout: 20_000 })
    expect(found.size).toBe(0)
  })

  it('ignores files that are not what they should be', async () => {
    await mkdir(folder, { mode: 0o700 })
    for (const text of ['', '{', 'null', '{"peerId":1}', JSON.stringify({ peerId: a, addrs: [], pid: process.pid })]) {
      await writeFile(join(folder, `${b}.json`), text)
      const { node, found } = await start(a)
      await node.stop()
      expect(found.size).toBe(0)
    }
  })

  it.runIf(process.getuid !== undefined)('does nothing in a folder that others may enter, or a link', async () => {
    await mkdir(folder)
    await chmod(folder, 0o755)
    await start(a)
    expect(await readdir(folder)).toEqual([])
    const elsewhere = join(base, 'elsewhere')
    await mkdir(elsewhere, { mode: 0o700 })
    folder = join(base, 'link')
    await symlink(elsewhere, folder)
    await start(a)
    expect(await readdir(elsewhere)).toEqual([])
    expect(logger.lines.filter(({ message }) => message === 'nodes on this host are not looked for')).toHaveLength(2)
  })
})

describe('sameHostFolder', () => {
  it('is in the runtime folder of the user, or else one with the number of the user', () => {
    const where = { temporaryFolder: '/tmp', userId: 1000 }
    expect(sameHostFolder({ ...where, runtimeFolder: '/run/user/1000' })).toBe('/run/user/1000/p2psync')
    expect(sameHostFolder({ ...where, runtimeFolder: undefined })).toBe('/tmp/p2psync-1000')
    expect(sameHostFolder({ ...where, runtimeFolder: 'relative' })).toBe('/tmp/p2psync-1000')
  })
})
