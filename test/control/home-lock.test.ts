import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ControlClient } from '../../src/control/control-client.ts'
import { controlSocketPath } from '../../src/node/control-socket.ts'
import { prepareHome } from '../../src/node/home.ts'
import { ControlWorld, leaveDeadSocket } from './control-world.ts'

let world: ControlWorld
beforeEach(async () => {
  world = await ControlWorld.make()
})
afterEach(() => world.remove())

describe('the lock of a home', () => {
  it('lets one node in, and the next when it has ended', async () => {
    const { server } = await world.serve()
    await expect(world.newServer().start()).rejects.toMatchObject({ code: 'home-busy' })
    await server.stop()
    await expect(world.newServer().start()).resolves.toBeUndefined()
  })

  it('lets exactly one of many in when a dead node left its socket', async () => {
    await leaveDeadSocket(await controlSocketPath(world.home))
    const starts = await Promise.allSettled(Array.from({ length: 8 }, async () => world.newServer().start()))
    expect(starts.filter((start) => start.status === 'fulfilled')).toHaveLength(1)
    for (const start of starts) {
      if (start.status === 'rejected') expect(start.reason).toMatchObject({ code: 'home-busy' })
    }
    expect(await new ControlClient({ home: world.home }).isListening()).toBe(true)
  })

  it('takes over from a process that died while it replaced a socket', async () => {
    const path = await controlSocketPath(world.home)
    await leaveDeadSocket(path)
    const dead = spawn(process.execPath, ['-e', ''])
    await once(dead, 'exit')
    await writeFile(`${path}.lock`, String(dead.pid))
    await expect(world.newServer().start()).resolves.toBeUndefined()
  })

  it('is found through another name of the home', async () => {
    await world.serve()
    await symlink(world.home, join(world.base, 'link'))
    expect(await new ControlClient({ home: join(world.base, 'link') }).isListening()).toBe(true)
  })

  it('works where the path of the home is too long for a socket', async () => {
    world.home = (await prepareHome(join(world.base, 'long'.repeat(40)))).path
    const { client } = await world.serve()
    expect(Buffer.byteLength(await controlSocketPath(world.home))).toBeLessThanOrEqual(100)
    expect((await client.info()).name).toBe('laptop')
  })

  it('is closed to other users', async () => {
    await world.serve()
    expect((await stat(await controlSocketPath(world.home))).mode & 0o777).toBe(0o600)
    expect((await stat(world.home)).mode & 0o777).toBe(0o700)
  })

  it('closes a home that was open to others', async () => {
    await chmod(world.home, 0o755)
    await prepareHome(world.home)
    expect((await stat(world.home)).mode & 0o777).toBe(0o700)
  })
})
