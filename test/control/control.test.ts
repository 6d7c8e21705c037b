import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, createServer as createSocketServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ControlClient } from '../../src/control/control-client.ts'
import { controlSocketPath } from '../../src/node/control-socket.ts'
import { ControlWorld, leaveDeadSocket } from './control-world.ts'
import { FakeNode, fakeKey, folderStatus, otherDevice, peerStatus } from './fake-node.ts'

const patient = { timeout: 20_000 }
let world: ControlWorld
beforeEach(async () => {
  world = await ControlWorld.make()
})
afterEach(() => world.remove())

describe('the control API', () => {
  it('answers every call with what the node says', async () => {
    const { node, client } = await world.serve()
    const added = await client.addFolder({ path: '/data/a', key: null, relink: true })
    expect(added).toEqual({ path: '/data/a', created: true, keyIsNew: true, key: fakeKey })
    expect(node.requests).toEqual([{ path: '/data/a', key: null, relink: true }])
    expect(await client.info()).toEqual(node.info())
    expect(await client.status()).toEqual([folderStatus({ path: '/data/a' })])
    expect(await client.peers()).toEqual([])
    expect(await client.folderKey('/data/a')).toBe(fakeKey)
    await client.setFolderPaused('/data/a', true)
    expect(await client.status()).toMatchObject([{ path: '/data/a', state: 'paused' }])
    const limits50 = { sharePercent: 50, files: 70 }
    await client.setGuard('/data/a', limits50)
    expect(await client.status()).toMatchObject([{ guard: limits50 }])
    await client.setGuard('/data/a', null)
    expect([await client.decideHeld('/data/a', 'reject'), node.decisions]).toEqual([[], ['reject']])
    node.devices = [peerStatus()]
    expect(await client.setPeerPaused('desk', true)).toEqual({ device: otherDevice, name: 'desk' })
    expect(await client.peers()).toMatchObject([{ paused: true }])
    const limits = { up: 1024, down: null, schedule: ['sat up=none'] }
    expect(await client.setLimits({ up: 1024, schedule: limits.schedule })).toEqual(await client.limits())
    expect(node.choice).toEqual(limits)
    await client.removeFolder('/data/a')
    expect(node.folders).toEqual([])
  })

  it('carries paths of any characters', async () => {
    const { client } = await world.serve()
    const path = '/data/ü &=?#%/\u{1F600} b'
    await client.addFolder({ path, key: null, relink: false })
    expect(await client.folderKey(path)).toBe(fakeKey)
  })

  it('brings the error of the node to the caller with code and hint', async () => {
    const { client } = await world.serve()
    await expect(client.folderKey('/nowhere')).rejects.toMatchObject({
      code: 'folder-unknown',
      message: '/nowhere is not synced by this node',
      hint: 'See p2psync status.',
    })
  })

  it('keeps an internal error to the log', async () => {
    const { node, client } = await world.serve()
    node.status = () => Promise.reject(new Error('secret'))
    await expect(client.status()).rejects.toMatchObject({ code: 'node-failed', message: 'the node failed to answer' })
  })

  it('lets calls wait until the node is ready', async () => {
    const server = world.newServer()
    await server.start()
    const client = new ControlClient({ home: world.home })
    const waiting = client.info()
    expect(await client.isListening()).toBe(true)
    server.serve(new FakeNode(world.home))
    expect((await waiting).name).toBe('laptop')
  })

  it('fails the calls that wait when the node never became ready', async () => {
    const server = world.newServer()
    await server.start()
    const client = new ControlClient({ home: world.home })
    const failed = expect(client.info()).rejects.toMatchObject({ code: 'node-failed' })
    await client.isListening()
    await server.stop()
    await failed
  })

  it('answers a stop although the server ends with the node', async () => {
    const { node, client, server } = await world.serve()
    const ended = node.done.then(async () => server.stop())
    await client.stop()
    await ended
    expect(node.stops).toBe(1)
    expect(await client.isListening()).toBe(false)
  })

  it('streams events in order until the caller leaves', async () => {
    const { node, client } = await world.serve()
    const leave = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      for await (const event of client.events(leave.signal)) {
        seen.push(event.type === 'warning' ? event.message : event.type)
        if (seen.length === 3) leave.abort()
      }
    })()
    await expect.poll(() => node.listenerCount, patient).toBe(1)
    for (const message of ['a\nb', 'c', 'd']) node.emit({ type: 'warning', at: 1, message, hint: '' })
    await reading
    expect(seen).toEqual(['a\nb', 'c', 'd'])
    await expect.poll(() => node.listenerCount, patient).toBe(0)
  })

  it('ends the stream of events with the node', async () => {
    const { node, client, server } = await world.serve()
    const reading = readAll(client.events())
    await expect.poll(() => node.listenerCount, patient).toBe(1)
    node.emit({ type: 'stopping', at: 1 })
    await server.stop()
    expect(await reading).toEqual([{ type: 'stopping', at: 1 }])
  })

  it('cuts off a listener that does not read', async () => {
    const { node } = await world.serve()
    const socket = connect(await controlSocketPath(world.home))
    await once(socket, 'connect')
    socket.pause()
    socket.write('GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n')
    await expect.poll(() => node.listenerCount, patient).toBe(1)
    for (let i = 0; i < 40; i++) node.emit({ type: 'warning', at: i, message: 'x'.repeat(100_000), hint: '' })
    await expect.poll(() => node.listenerCount, patient).toBe(0)
    socket.destroy()
  })
})

describe('the client', () => {
  it('says that no node runs when there is no home, no socket, or a dead one', async () => {
    await expect(new ControlClient({ home: join(world.base, 'none') }).info()).rejects.toMatchObject({
      code: 'no-node',
    })
    await expect(new ControlClient({ home: world.home }).info()).rejects.toMatchObject({ code: 'no-node' })
    await leaveDeadSocket(await controlSocketPath(world.home))
    await expect(new ControlClient({ home: world.home }).info()).rejects.toMatchObject({ code: 'no-node' })
  })

  it('takes a connection that is dropped for a node that still listens', async () => {
    const closing = createSocketServer((socket) => socket.destroy())
    closing.listen(await controlSocketPath(world.home))
    await once(closing, 'listening')
    const client = new ControlClient({ home: world.home })
    expect(await client.isListening()).toBe(true)
    closing.close()
    await once(closing, 'close')
    expect(await client.isListening()).toBe(false)
  })

  it('refuses a node of another version and says which', async () => {
    const other = createServer((_, response) => response.setHeader('p2psync-version', '9.0.0').end('{}'))
    other.listen(await controlSocketPath(world.home))
    await once(other, 'listening')
    await expect(new ControlClient({ home: world.home }).info()).rejects.toMatchObject({
      code: 'node-failed',
      message: expect.stringContaining('9.0.0') as string,
    })
    other.closeAllConnections()
    other.close()
  })
})

async function readAll<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
