import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { freePort, joined, settled } from './joined-transport.ts'
import { MemoryKnownAddresses, TransportGroup } from './test-transports.ts'

describe('Libp2pTransport', () => {
  const group = new TransportGroup()
  const signal = new AbortController().signal
  afterEach(() => group.close())

  it('dials an address without a device id and takes who proves the folder', async () => {
    const a = await group.start()
    await joined(a)
    const b = await group.start({ staticPeers: a.addresses().map((address) => address.replace(/\/p2p\/.*/, '')) })
    const { handler } = await joined(b)
    await handler.seen(`up ${a.device}`)
    expect(b.peers()).toHaveLength(1)
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
