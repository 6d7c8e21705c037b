import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { multiaddr } from '@multiformats/multiaddr'
import { Libp2pFrameStream } from '../../src/node/frame-stream.ts'
import type { Libp2pTransport } from '../../src/node/libp2p-transport.ts'
import type { FolderTransport } from '../../src/ports/transport.ts'
import { RecordingHandler } from './recording-handler.ts'
import { folderKeysOf, startTestNode } from './test-nodes.ts'
import { MemoryKnownAddresses, MemoryLogger, TransportGroup } from './test-transports.ts'
import { transportContract } from './transport-contract.ts'

transportContract('Libp2pTransport', () => {
  const group = new TransportGroup()
  const addresses: string[] = []
  return {
    device: async () => {
      const transport = await group.start({ staticPeers: [...addresses] })
      addresses.push(...transport.addresses())
      return {
        id: transport.device,
        join: (folder, handler) => {
          for (const number of [1, 2]) transport.addFolderKeys(folderKeysOf(number))
          return transport.join(folder, handler)
        },
        stop: () => transport.stop(),
      }
    },
    close: () => group.close(),
  }
})

describe('Libp2pTransport', () => {
  const group = new TransportGroup()
  const [folder1, folder2] = [folderKeysOf(1), folderKeysOf(2)]
  const signal = new AbortController().signal
  afterEach(() => group.close())

  const joined = async (
    transport: Libp2pTransport,
    keys = folder1,
  ): Promise<{ handler: RecordingHandler; folder: FolderTransport }> => {
    const handler = new RecordingHandler()
    transport.addFolderKeys(keys)
    return { handler, folder: await transport.join(keys.folder, handler) }
  }
  const settled = async (check: () => void): Promise<void> => {
    await vi.waitFor(check, { timeout: 20_000, interval: 20 })
  }

  it('tells who is connected, since when, from where, and with which folders', async () => {
    const a = await group.start()
    const b = await group.start({ staticPeers: a.addresses() })
    const [atA, atB] = [await joined(a), await joined(b)]
    await Promise.all([atA.handler.seen(`up ${b.device}`), atB.handler.seen(`up ${a.device}`)])
    const [peer] = b.peers()
    expect(peer).toMatchObject({ device: a.device, how: 'dialled', folders: [folder1.folder] })
    expect(`${peer?.address}/p2p/${a.device}`).toBe(a.addresses()[0])
    expect(Math.abs(Date.now() - (peer?.connectedSinceMs ?? 0))).toBeLessThan(60_000)
    expect(a.peers()).toMatchObject([{ device: b.device, how: 'inbound' }])
  })

  it('turns away who dials it while it stops, without a word of keys', async () => {
    const a = await group.start()
    const { folder } = await joined(a)
    a.close()
    await folder.leave()
    const logger = new MemoryLogger()
    const b = await group.start({ staticPeers: a.addresses(), logger })
    await joined(b)
    await settled(() => expect(logger.lines.map(({ message }) => message)).toContain('a given address was not reached'))
    expect([...a.refusals(), ...b.refusals()]).toEqual([])
  })

  it('dials an address without a device id and takes who proves the folder', async () => {
    const a = await group.start()
    await joined(a)
    const b = await group.start({ staticPeers: a.addresses().map((address) => address.replace(/\/p2p\/.*/, '')) })
    const { handler } = await joined(b)
    await handler.seen(`up ${a.device}`)
    expect(b.peers()).toHaveLength(1)
  })

  it('neither dials a paused device nor lets it in, until it is resumed', async () => {
    const paused = new Set<string>()
    const logger = new MemoryLogger()
    const a = await group.start({ isPaused: (device) => paused.has(device), logger })
    const b = await group.start({ staticPeers: a.addresses() })
    const [atA, atB] = [await joined(a), await joined(b)]
    await Promise.all([atA.handler.seen(`up ${b.device}`), atB.handler.seen(`up ${a.device}`)])
    paused.add(b.device)
    a.pauseChanged(b.device)
    expect(a.peers()).toEqual([])
    await atB.handler.seen(`down ${a.device}`)
    const sentAway = {
      message: 'a paused device was sent away',
      fields: expect.objectContaining({ device: b.device }) as object,
    }
    await settled(() => expect(logger.lines).toContainEqual(sentAway))
    expect(atA.handler.events).toEqual([`up ${b.device}`, `down ${b.device}`])
    paused.delete(b.device)
    a.pauseChanged(b.device)
    await settled(() => expect(atA.handler.events.at(-1)).toBe(`up ${b.device}`))
    expect(a.peers()).toMatchObject([{ device: b.device }])
  })

  it('does not take itself for a peer', async () => {
    const taken = await freePort()
    const transport = await group.start({
      listen: [`/ip4/127.0.0.1/tcp/${taken}`],
      staticPeers: [`/ip4/127.0.0.1/tcp/${taken}`],
    })
    const { handler } = await joined(transport)
    await settled(() => expect(transport.refusals().length).toBeGreaterThan(0))
    expect(transport.refusals()[0]).toMatchObject({ device: transport.device, reason: 'no-common-folder' })
    expect(transport.twin).toBe(null)
    expect(handler.events).toEqual([])
    expect(transport.peers()).toEqual([])
  })

  it.each(['a given address', 'the folder of the nodes on this host'])(
    'stops, as the other does, when another process has its key and is found by %s',
    async (how) => {
      const sameHostFolder = how === 'a given address' ? null : await mkdtemp(join(tmpdir(), 'p2psync-twin-'))
      onTestFinished(() => (sameHostFolder === null ? undefined : rm(sameHostFolder, { recursive: true })))
      const privateKey = await generateKeyPair('Ed25519')
      const a = await group.start({ privateKey, sameHostFolder })
      const c = await group.start({ staticPeers: a.addresses() })
      const [atA, atC] = [await joined(a), await joined(c)]
      await Promise.all([atA.handler.seen(`up ${c.device}`), atC.handler.seen(`up ${a.device}`)])
      const told = new Promise<void>((resolve) => (a.onTwin = resolve))
      const b = await group.start({
        privateKey,
        sameHostFolder,
        staticPeers: sameHostFolder === null ? a.addresses() : [],
      })
      const atB = await joined(b)
      await Promise.all([told, atA.handler.seen(`down ${c.device}`), atC.handler.seen(`down ${a.device}`)])
      await settled(() => expect(b.twin).toMatchObject({ device: a.device, reason: 'own-key' }))
      expect(a.twin).toMatchObject({ device: a.device, reason: 'own-key' })
      // Nobody is proved anything from now on, and nobody is dialled.
      const refusals = c.refusals().length
      c.pauseChanged(a.device)
      await settled(() => expect(c.refusals().length).toBeGreaterThan(refusals))
      expect(c.refusals()[0]).toMatchObject({ device: a.device, reason: 'failed' })
      expect([...a.peers(), ...b.peers(), ...c.peers()]).toEqual([])
      expect(atB.handler.events).toEqual([])
    },
  )

  it('remembers on both sides who was refused, and connects as soon as a folder is shared', async () => {
    const a = await group.start()
    const b = await group.start({ staticPeers: a.addresses() })
    const atA = await joined(a, folder1)
    await joined(b, folder2)
    await settled(() => expect(b.refusals()).toHaveLength(1))
    await settled(() => expect(a.refusals()).toHaveLength(1))
    expect(b.refusals()[0]).toMatchObject({ device: a.device, inbound: false, reason: 'no-common-folder' })
    expect(a.refusals()[0]).toMatchObject({ device: b.device, inbound: true, reason: 'no-common-folder' })
    expect(atA.handler.events).toEqual([])
    const late = await joined(b, folder1)
    await Promise.all([late.handler.seen(`up ${a.device}`), atA.handler.seen(`up ${b.device}`)])
    expect(a.peers()[0]?.folders).toEqual([folder1.folder])
  })

  it('resets a stream for a folder that was not proved on its connection, and for none', async () => {
    const transport = await group.start()
    const [at1, at2] = [await joined(transport, folder1), await joined(transport, folder2)]
    const liar = await startTestNode({ folders: [folder1] })
    try {
      const connection = await liar.libp2p.dial(transport.addresses().map((address) => multiaddr(address)))
      for (const first of [Buffer.from(folder2.folder, 'hex'), new Uint8Array(31), new Uint8Array(32)]) {
        const stream = new Libp2pFrameStream(await connection.newStream('/p2psync/sync/1.0.0'), { frameBytesMax: 100 })
        await stream.send(first)
        await expect(stream.read()).rejects.toMatchObject({ code: 'peer-gone' })
      }
      const honest = new Libp2pFrameStream(await connection.newStream('/p2psync/sync/1.0.0'), { frameBytesMax: 100 })
      await honest.send(Buffer.from(folder1.folder, 'hex'))
      await at1.handler.takeStream()
      expect(at1.handler.events).toEqual([`up ${liar.id}`, `sync ${liar.id}`])
      expect(at2.handler.events).toEqual([])
    } finally {
      await liar.libp2p.stop()
    }
  })

  it('lets who dials before a folder is joined wait, instead of refusing it', async () => {
    const a = await group.start()
    const b = await group.start({ staticPeers: a.addresses() })
    const atB = await joined(b)
    const stranger = await startTestNode({ folders: [folder1] })
    onTestFinished(() => stranger.libp2p.stop())
    const target = a.addresses().map((address) => multiaddr(address))
    await expect(stranger.libp2p.dial(target, { signal: AbortSignal.timeout(300) })).rejects.toThrow()
    expect(a.refusals()).toEqual([])
    await joined(a)
    await atB.handler.seen(`up ${a.device}`)
    expect(b.refusals()).toEqual([])
  })

  it('finds a device again that was restarted, at its old address', async () => {
    const key = await generateKeyPair('Ed25519')
    const first = await group.start({ privateKey: key })
    await joined(first)
    const b = await group.start({ staticPeers: first.addresses() })
    const { handler } = await joined(b)
    await handler.seen(`up ${first.device}`)
    const listen = first.addresses().map((address) => address.replace(/\/p2p\/.*/, ''))
    await first.stop()
    await handler.seen(`down ${first.device}`)
    const second = await group.start({ privateKey: key, listen })
    await joined(second)
    await handler.seen(`up ${first.device}`, 2)
    expect(b.peers()).toHaveLength(1)
  })

  it('reconnects after its own restart from the addresses that it remembers', async () => {
    const a = await group.start()
    const atA = await joined(a)
    const [key, known] = [await generateKeyPair('Ed25519'), new MemoryKnownAddresses()]
    const first = await group.start({ privateKey: key, knownAddresses: known, staticPeers: a.addresses() })
    const before = await joined(first)
    await Promise.all([atA.handler.seen(`up ${first.device}`), before.handler.seen(`up ${a.device}`)])
    await first.stop()
    expect(known.devices).toMatchObject([{ device: a.device }])
    const second = await group.start({ privateKey: key, knownAddresses: known })
    const again = await joined(second)
    await again.handler.seen(`up ${a.device}`)
    expect(second.peers()[0]?.how).toBe('dialled')
  })

  it('learns where a device listens that dialled it, so that it can dial back', async () => {
    const known = new MemoryKnownAddresses()
    const a = await group.start({ knownAddresses: known })
    const b = await group.start({ staticPeers: a.addresses() })
    const atA = await joined(a)
    await joined(b)
    await atA.handler.seen(`up ${b.device}`)
    const address = b.addresses()[0]?.replace(/\/p2p\/.*/, '')
    await settled(() => expect(known.devices).toMatchObject([{ device: b.device, addresses: [address] }]))
  })

  it('stays up when both dial at once', async () => {
    const [port1, port2] = [await freePort(), await freePort()]
    const listen = [port1, port2].map((port) => [`/ip4/127.0.0.1/tcp/${port}`])
    const [a, b] = [
      await group.make({ listen: listen[0]!, staticPeers: listen[1]! }),
      await group.make({ listen: listen[1]!, staticPeers: listen[0]! }),
    ]
    const [atA, atB] = [await joined(a), await joined(b)]
    await Promise.all([a.start(), b.start()])
    await Promise.all([atA.handler.seen(`up ${b.device}`), atB.handler.seen(`up ${a.device}`)])
    const near = await atA.folder.open(b.device, 'sync', signal)
    await near.send(Buffer.from('hello'))
    expect(Buffer.from((await (await atB.handler.takeStream()).read()) ?? []).toString()).toBe('hello')
    expect(atA.handler.events.filter((event) => !event.startsWith('up'))).toEqual([])
  })

  it('finds nodes of the same user on the same host by their files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'p2psync-test-'))
    onTestFinished(async () => {
      await group.close()
      await rm(folder, { recursive: true })
    })
    const [a, b] = [await group.start({ sameHostFolder: folder }), await group.start({ sameHostFolder: folder })]
    const [atA, atB] = [await joined(a), await joined(b)]
    await Promise.all([atA.handler.seen(`up ${b.device}`), atB.handler.seen(`up ${a.device}`)])
    await settled(() => expect([...a.peers(), ...b.peers()].map((peer) => peer.how)).toContain('same host'))
    await Promise.all([a.stop(), b.stop()])
    expect(await readdir(folder)).toEqual([])
  })

  it('says which address is taken by another program', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`
    const transport = await group.make({ listen: [address] })
    const failure: unknown = await transport.start().catch((error: unknown) => error)
    server.close()
    expect(failure).toMatchObject({ code: 'port-busy', message: `another program listens on ${address}` })
  })

  it('refuses malformed addresses before anything is started', async () => {
    await expect(group.make({ staticPeers: ['192.168.1.2:4001'] })).rejects.toMatchObject({ code: 'bad-address' })
    const transport = await group.make({ listen: ['/ip4/127.0.0.1/udp/4001'] })
    await expect(transport.start()).rejects.toMatchObject({ code: 'bad-address' })
  })

  it('listens at the preferred port, and at another one when that is busy', async () => {
    const port = await freePort()
    const a = await group.start({ listen: [], preferredPort: port })
    expect(a.port()).toBe(port)
    const b = await group.start({ listen: [], preferredPort: port })
    expect(b.port()).not.toBe(port)
    expect(b.port()).toBeGreaterThan(0)
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
