import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import { connect, createServer as createSocketServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ControlClient } from '../../src/control/control-client.ts'
import { ControlServer } from '../../src/control/control-server.ts'
import { controlSocketPath } from '../../src/node/control-socket.ts'
import { prepareHome } from '../../src/node/home.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { FakeNode, fakeKey, folderStatus, otherDevice, peerStatus } from './fake-node.ts'
import { silentLogger } from '../twins/silent-logger.ts'

const patient = { timeout: 20_000 }
let base: string
let home: string
let servers: ControlServer[]

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'p2psync-control-'))
  home = (await prepareHome(join(base, 'home'))).path
  servers = []
})

afterEach(async () => {
  for (const server of servers) await server.stop()
  await rm(base, { recursive: true, force: true })
})

function newServer(): ControlServer {
  const server = new ControlServer({ clock: systemClock, logger: silentLogger }, { home })
  servers.push(server)
  return server
}

async function serve(
  node = new FakeNode(home),
): Promise<{ node: FakeNode; client: ControlClient; server: ControlServer }> {
  const server = newServer()
  await server.start()
  server.serve(node)
  return { node, client: new ControlClient({ home }), server }
}

async function raw(options: {
  method: string
  path: string
  body?: string
  type?: string
}): Promise<{ status: number; body: { code?: string; message?: string; hint?: string } }> {
  const socketPath = await controlSocketPath(home)
  const answer = Promise.withResolvers<{ status: number; body: { code?: string } }>()
  const headers = { 'content-type': options.type ?? 'application/json' }
  const request = httpRequest({ socketPath, path: options.path, method: options.method, headers }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => (text += chunk))
    response.on('end', () =>
      answer.resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as { code?: string } }),
    )
  })
  request.on('error', answer.reject)
  request.end(options.body)
  return answer.promise
}

describe('the control API', () => {
  it('answers every call with what the node says', async () => {
    const { node, client } = await serve()
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
    const { client } = await serve()
    const path = '/data/ü &=?#%/\u{1F600} b'
    await client.addFolder({ path, key: null, relink: false })
    expect(await client.folderKey(path)).toBe(fakeKey)
  })

  it('brings the error of the node to the caller with code and hint', async () => {
    const { client } = await serve()
    await expect(client.folderKey('/nowhere')).rejects.toMatchObject({
      code: 'folder-unknown',
      message: '/nowhere is not synced by this node',
      hint: 'See p2psync status.',
    })
  })

  it('keeps an internal error to the log', async () => {
    const { node, client } = await serve()
    node.status = () => Promise.reject(new Error('secret'))
    await expect(client.status()).rejects.toMatchObject({ code: 'node-failed', message: 'the node failed to answer' })
  })

  it('lets calls wait until the node is ready', async () => {
    const server = newServer()
    await server.start()
    const client = new ControlClient({ home })
    const waiting = client.info()
    expect(await client.isListening()).toBe(true)
    server.serve(new FakeNode(home))
    expect((await waiting).name).toBe('laptop')
  })

  it('fails the calls that wait when the node never became ready', async () => {
    const server = newServer()
    await server.start()
    const client = new ControlClient({ home })
    const failed = expect(client.info()).rejects.toMatchObject({ code: 'node-failed' })
    await client.isListening()
    await server.stop()
    await failed
  })

  it('answers a stop although the server ends with the node', async () => {
    const { node, client, server } = await serve()
    const ended = node.done.then(async () => server.stop())
    await client.stop()
    await ended
    expect(node.stops).toBe(1)
    expect(await client.isListening()).toBe(false)
  })

  it('streams events in order until the caller leaves', async () => {
    const { node, client } = await serve()
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
    const { node, client, server } = await serve()
    const reading = readAll(client.events())
    await expect.poll(() => node.listenerCount, patient).toBe(1)
    node.emit({ type: 'stopping', at: 1 })
    await server.stop()
    expect(await reading).toEqual([{ type: 'stopping', at: 1 }])
  })

  it('cuts off a listener that does not read', async () => {
    const { node } = await serve()
    const socket = connect(await controlSocketPath(home))
    await once(socket, 'connect')
    socket.pause()
    socket.write('GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n')
    await expect.poll(() => node.listenerCount, patient).toBe(1)
    for (let i = 0; i < 40; i++) node.emit({ type: 'warning', at: i, message: 'x'.repeat(100_000), hint: '' })
    await expect.poll(() => node.listenerCount, patient).toBe(0)
    socket.destroy()
  })
})

describe('requests that no client of ours makes', () => {
  it.each([
    ['GET', '/v1/nothing', undefined, 404],
    ['GET', '/', undefined, 404],
    ['GET', '/v1/../v1/stop', undefined, 405],
    ['POST', '/v1/status', undefined, 405],
    ['POST', '/v1/folders', undefined, 400],
    ['POST', '/v1/folders', '[]', 400],
    ['POST', '/v1/folders', '{"path":', 400],
    ['POST', '/v1/folders', '{"path":"relative","key":null,"relink":false}', 400],
    ['POST', '/v1/folders', '{"path":"/a","key":7,"relink":false}', 400],
    ['POST', '/v1/folders', '{"path":"/a","key":null,"relink":"yes"}', 400],
    ['POST', '/v1/folders', '{"path":"/a","key":null,"relink":false,"more":1}', 400],
    ['POST', '/v1/folders', '{"path":"/a\\u0000","key":null,"relink":false}', 400],
    ['POST', '/v1/folders', '{"path":"/a","key":null,"relink":false,"order":{"first":"*.md"}}', 400],
    ['POST', '/v1/folders', '{"path":"/a","key":null,"relink":false,"order":{"middle":[]}}', 400],
    ['POST', '/v1/folders/paused', '{"path":"/a","paused":1}', 400],
    ['POST', '/v1/folders/paused', '{"path":"a","paused":true}', 400],
    ['POST', '/v1/folders/scrub', '{"path":"/a","action":"begin"}', 400],
    ['POST', '/v1/folders/scrub', '{"path":"/a","action":{"everyDays":-1}}', 400],
    ['POST', '/v1/peers/paused', '{"peer":7,"paused":true}', 400],
    ['POST', '/v1/limits', '{"up":-1}', 400],
    ['POST', '/v1/limits', '{"up":"2MiB"}', 400],
    ['POST', '/v1/limits', '{"schedule":"sat up=none"}', 400],
    ['POST', '/v1/limits', '{"sideways":1024}', 400],
    ['DELETE', '/v1/folders', undefined, 400],
    ['DELETE', '/v1/folders?path=a', undefined, 400],
    ['GET', '/v1/key?path=/a&path=/b', undefined, 400],
  ])('refuses %s %s %s with %i', async (method, path, body, status) => {
    const { node } = await serve()
    const answer = await raw(body === undefined ? { method, path } : { method, path, body })
    expect(answer).toMatchObject({ status, body: { code: 'usage' } })
    expect(node.requests).toEqual([])
  })

  it('refuses a body that is not declared as JSON', async () => {
    await serve()
    const body = '{"path":"/a","key":null,"relink":false}'
    expect(await raw({ method: 'POST', path: '/v1/folders', body, type: 'text/plain' })).toMatchObject({ status: 415 })
  })

  it('refuses a body above 64 KiB', async () => {
    const { node } = await serve()
    const body = JSON.stringify({ path: `/${'a'.repeat(64 * 1024)}`, key: null, relink: false })
    expect(await raw({ method: 'POST', path: '/v1/folders', body })).toMatchObject({ status: 413 })
    expect(node.requests).toEqual([])
  })
})

describe('the lock of a home', () => {
  it('lets one node in, and the next when it has ended', async () => {
    const { server } = await serve()
    await expect(newServer().start()).rejects.toMatchObject({ code: 'home-busy' })
    await server.stop()
    await expect(newServer().start()).resolves.toBeUndefined()
  })

  it('lets exactly one of many in when a dead node left its socket', async () => {
    await leaveDeadSocket(await controlSocketPath(home))
    const starts = await Promise.allSettled(Array.from({ length: 8 }, async () => newServer().start()))
    expect(starts.filter((start) => start.status === 'fulfilled')).toHaveLength(1)
    for (const start of starts) {
      if (start.status === 'rejected') expect(start.reason).toMatchObject({ code: 'home-busy' })
    }
    expect(await new ControlClient({ home }).isListening()).toBe(true)
  })

  it('takes over from a process that died while it replaced a socket', async () => {
    const path = await controlSocketPath(home)
    await leaveDeadSocket(path)
    const dead = spawn(process.execPath, ['-e', ''])
    await once(dead, 'exit')
    await writeFile(`${path}.lock`, String(dead.pid))
    await expect(newServer().start()).resolves.toBeUndefined()
  })

  it('is found through another name of the home', async () => {
    await serve()
    await symlink(home, join(base, 'link'))
    expect(await new ControlClient({ home: join(base, 'link') }).isListening()).toBe(true)
  })

  it('works where the path of the home is too long for a socket', async () => {
    home = (await prepareHome(join(base, 'long'.repeat(40)))).path
    const { client } = await serve()
    expect(Buffer.byteLength(await controlSocketPath(home))).toBeLessThanOrEqual(100)
    expect((await client.info()).name).toBe('laptop')
  })

  it('is closed to other users', async () => {
    await serve()
    expect((await stat(await controlSocketPath(home))).mode & 0o777).toBe(0o600)
    expect((await stat(home)).mode & 0o777).toBe(0o700)
  })

  it('closes a home that was open to others', async () => {
    await chmod(home, 0o755)
    await prepareHome(home)
    expect((await stat(home)).mode & 0o777).toBe(0o700)
  })
})

describe('the client', () => {
  it('says that no node runs when there is no home, no socket, or a dead one', async () => {
    await expect(new ControlClient({ home: join(base, 'none') }).info()).rejects.toMatchObject({ code: 'no-node' })
    await expect(new ControlClient({ home }).info()).rejects.toMatchObject({ code: 'no-node' })
    await leaveDeadSocket(await controlSocketPath(home))
    await expect(new ControlClient({ home }).info()).rejects.toMatchObject({ code: 'no-node' })
  })

  it('takes a connection that is dropped for a node that still listens', async () => {
    const closing = createSocketServer((socket) => socket.destroy())
    closing.listen(await controlSocketPath(home))
    await once(closing, 'listening')
    const client = new ControlClient({ home })
    expect(await client.isListening()).toBe(true)
    closing.close()
    await once(closing, 'close')
    expect(await client.isListening()).toBe(false)
  })

  it('refuses a node of another version and says which', async () => {
    const other = createServer((_, response) => response.setHeader('p2psync-version', '9.0.0').end('{}'))
    other.listen(await controlSocketPath(home))
    await once(other, 'listening')
    await expect(new ControlClient({ home }).info()).rejects.toMatchObject({
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

async function leaveDeadSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', script]), 'exit')
}
