import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { multiaddr } from '@multiformats/multiaddr'
import { Libp2pFrameStream } from '../../src/node/frame-stream.ts'
import { freePort, joined, settled } from './joined-transport.ts'
import { folderKeysOf, startTestNode } from './test-nodes.ts'
import { MemoryLogger, TransportGroup } from './test-transports.ts'
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
  afterEach(() => group.close())

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
})
