import { generateKeyPair } from '@libp2p/crypto/keys'
import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface'
import { noise, type NoiseComponents } from '@libp2p/noise'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { gatedNoiseProtocol } from '../../src/node/gated-noise.ts'
import { folderKeysOf, startTestNode, type TestNode, type TestNodeOptions } from './test-nodes.ts'

const [folder1, folder2, folder3] = [folderKeysOf(1), folderKeysOf(2), folderKeysOf(3)]

/** Noise as the gate does it, and then what `then` does with the connection instead of a proof. */
function evilEncrypter(
  then: (secured: SecuredConnection) => void,
): (components: NoiseComponents) => ConnectionEncrypter {
  return (components) => {
    const inner = noise()(components)
    const hold = async (secured: SecuredConnection): Promise<SecuredConnection> => {
      then(secured)
      return new Promise((_resolve, reject) => {
        secured.connection.addEventListener('close', () => reject(new Error('closed')))
      })
    }
    return {
      protocol: gatedNoiseProtocol,
      secureInbound: async (connection, options) => hold(await inner.secureInbound(connection, options)),
      secureOutbound: async (connection, options) => hold(await inner.secureOutbound(connection, options)),
    }
  }
}

function forward(from: MessageStream, to: MessageStream): void {
  from.addEventListener('message', (event) => {
    if (to.status === 'open') to.send(event.data)
  })
  from.addEventListener('close', () => to.abort(new Error('the other side is closed')))
}

describe('gatedNoise', () => {
  const nodes: TestNode[] = []
  const start = async (options: TestNodeOptions): Promise<TestNode> => {
    const node = await startTestNode(options)
    nodes.push(node)
    return node
  }
  const dial = (from: TestNode, to: TestNode): Promise<unknown> => from.libp2p.dial(to.libp2p.getMultiaddrs())

  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.libp2p.stop()
  })

  it('lets devices with the same key connect, and talk', async () => {
    const [a, b] = [await start({ folders: [folder1] }), await start({ folders: [folder1] })]
    await b.libp2p.handle('/echo', (stream) => {
      stream.addEventListener('message', (event) => stream.send(event.data))
    })
    await dial(a, b)
    const stream = await a.libp2p.dialProtocol(b.libp2p.getMultiaddrs(), '/echo')
    const answer = new Promise<string>((resolve) => {
      stream.addEventListener('message', (event) => resolve(Buffer.from(event.data.subarray()).toString()))
    })
    stream.send(Buffer.from('hello'))
    expect(await answer).toBe('hello')
    expect(a.proved).toEqual([{ peer: b.id, folders: [folder1.folder] }])
    expect(b.proved).toEqual([{ peer: a.id, folders: [folder1.folder] }])
    await vi.waitFor(() => {
      for (const node of [a, b]) expect(node.events).toContain('peer:identify')
    })
    expect([...a.refused, ...b.refused]).toEqual([])
  })

  it('shows a device with another key nothing, and ends within a second', async () => {
    const [a, b] = [await start({ folders: [folder1] }), await start({ folders: [folder2] })]
    const begunMs = performance.now()
    await expect(dial(a, b)).rejects.toThrow()
    await vi.waitFor(() => {
      expect(a.refused).toEqual([{ peer: b.id, reason: 'no-common-folder' }])
      expect(b.refused).toEqual([{ peer: a.id, reason: 'no-common-folder' }])
    })
    expect(performance.now() - begunMs).toBeLessThan(1000)
    expect([...a.events, ...b.events]).toEqual([])
    expect([...a.proved, ...b.proved]).toEqual([])
    expect(b.libp2p.getConnections()).toEqual([])
  })

  it('proves the one folder of two that both have', async () => {
    const [a, b] = [await start({ folders: [folder1, folder2] }), await start({ folders: [folder3, folder2] })]
    await dial(a, b)
    expect(a.proved).toEqual([{ peer: b.id, folders: [folder2.folder] }])
    expect(b.proved).toEqual([{ peer: a.id, folders: [folder2.folder] }])
  })

  it('proves 64 folders', async () => {
    const folders = Array.from({ length: 64 }, (_, i) => folderKeysOf(i))
    const [a, b] = [await start({ folders }), await start({ folders })]
    await dial(a, b)
    expect(a.proved[0]?.folders).toHaveLength(64)
    expect(b.proved[0]?.folders).toHaveLength(64)
  })

  it('refuses a device in the middle that forwards the proofs', async () => {
    const [a, b] = [await start({ folders: [folder1] }), await start({ folders: [folder1] })]
    const inbound = Promise.withResolvers<MessageStream>()
    const outbound = Promise.withResolvers<MessageStream>()
    const privateKey = await generateKeyPair('Ed25519')
    const toA = await start({ privateKey, encrypter: evilEncrypter((s) => inbound.resolve(s.connection)) })
    const toB = await start({ privateKey, encrypter: evilEncrypter((s) => outbound.resolve(s.connection)) })
    const dialled = [dial(a, toA), dial(toB, b)]
    const [fromA, fromB] = await Promise.all([inbound.promise, outbound.promise])
    forward(fromA, fromB)
    forward(fromB, fromA)
    for (const result of await Promise.allSettled(dialled)) expect(result.status).toBe('rejected')
    await vi.waitFor(() => {
      for (const node of [a, b]) expect(node.refused).toEqual([{ peer: toA.id, reason: 'no-common-folder' }])
    })
    expect([...a.proved, ...b.proved, ...a.events, ...b.events]).toEqual([])
  })

  it('cuts off a device that stalls, when the time is up', async () => {
    const silent = await start({ encrypter: evilEncrypter(() => undefined) })
    const node = await start({ folders: [folder1], deadlineMs: 300 })
    const begunMs = performance.now()
    await expect(dial(silent, node)).rejects.toThrow()
    await expect(dial(node, silent)).rejects.toThrow()
    expect(performance.now() - begunMs).toBeLessThan(3000)
    await vi.waitFor(() => {
      expect(node.refused).toEqual([
        { peer: silent.id, reason: 'timeout' },
        { peer: silent.id, reason: 'timeout' },
      ])
    })
    expect([...node.events, ...silent.events]).toEqual([])
  })

  it('cuts off a device that floods it before its proof', async () => {
    const flood = await start({
      encrypter: evilEncrypter(({ connection }) => {
        for (let i = 0; i < 64; i++) connection.send(new Uint8Array(1024 * 1024))
      }),
    })
    const node = await start({ folders: [folder1] })
    await expect(dial(flood, node)).rejects.toThrow()
    await vi.waitFor(() => expect(node.refused).toEqual([{ peer: flood.id, reason: 'failed' }]))
    expect(node.events).toEqual([])
  })

  it('speaks to nobody that knows only plain noise', async () => {
    const [stranger, node] = [await start({ encrypter: noise() }), await start({ folders: [folder1] })]
    await expect(dial(stranger, node)).rejects.toThrow()
    await expect(dial(node, stranger)).rejects.toThrow()
    expect([...node.events, ...stranger.events, ...node.proved]).toEqual([])
  })
})
