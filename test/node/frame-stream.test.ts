import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Libp2pFrameStream } from '../../src/node/frame-stream.ts'
import { folderKeysOf, startTestNode, type TestNode } from './test-nodes.ts'

const mebibyte = 1024 * 1024
const frameBytesMax = mebibyte

function patterned(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + seed * 7 + (i >> 8)
  return bytes
}

const failed = { status: 'rejected', reason: { code: 'peer-gone' } }

/** Far more than fits while nobody reads; the first few may go through. */
function fill(stream: Libp2pFrameStream): Promise<void>[] {
  return Array.from({ length: 20 }, () => stream.send(new Uint8Array(frameBytesMax)))
}

describe('Libp2pFrameStream', () => {
  let a: TestNode
  let b: TestNode
  let accept: (stream: Stream) => void
  let raw: Stream[] = []

  beforeAll(async () => {
    const folders = [folderKeysOf(1)]
    a = await startTestNode({ folders })
    b = await startTestNode({ folders })
    await b.libp2p.handle('/frames', (stream) => accept(stream), { maxInboundStreams: 100 })
    await a.libp2p.dial(b.libp2p.getMultiaddrs())
  })

  afterAll(() => Promise.all([a.libp2p.stop(), b.libp2p.stop()]))

  afterEach(() => {
    for (const stream of raw.splice(0)) stream.abort(new Error('the test is over'))
  })

  /** The listener's end of `pair` is made in the handler, as it must be; the dialler's at once. */
  async function open(): Promise<{ left: Libp2pFrameStream; right: Libp2pFrameStream; leftRaw: Stream }> {
    const inbound = Promise.withResolvers<Libp2pFrameStream>()
    accept = (stream) => {
      raw.push(stream)
      inbound.resolve(new Libp2pFrameStream(stream, { frameBytesMax }))
    }
    const leftRaw = await a.libp2p.dialProtocol(b.libp2p.getMultiaddrs(), '/frames')
    raw.push(leftRaw)
    return { left: new Libp2pFrameStream(leftRaw, { frameBytesMax }), right: await inbound.promise, leftRaw }
  }

  it('delivers frames of all sizes in their order, both ways, made of any parts', async () => {
    const { left, right } = await open()
    const frames = [0, 1, 3, 4, 5, 65_535, 65_536, 65_537, 200_000, frameBytesMax].map(patterned)
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      const sent = frames.map((frame) =>
        from.send(frame.subarray(0, 2), frame.subarray(2, 70_000), frame.subarray(70_000)),
      )
      for (const frame of frames) {
        const read = await to.read()
        expect(Buffer.compare(read ?? Buffer.from('the end'), frame)).toBe(0)
      }
      await Promise.all(sent)
    }
  })

  it('gives frames that can be transferred to a worker', async () => {
    const { left, right } = await open()
    await left.send(patterned(65_536, 1))
    const read = await right.read()
    expect(read?.byteOffset).toBe(0)
    const moved = structuredClone(read, { transfer: [read!.buffer as ArrayBuffer] })
    expect(Buffer.compare(moved!, patterned(65_536, 1))).toBe(0)
    expect(read).toHaveLength(0)
  })

  it('uses the buffer of a frame again that was given back, whole and with nothing of its earlier use', async () => {
    const { left, right } = await open()
    await left.send(patterned(300_000, 1))
    const first = (await right.read())!
    right.reuse(first)
    await left.send(patterned(290_000, 2))
    const second = (await right.read())!
    expect(second.buffer).toBe(first.buffer)
    expect(Buffer.compare(second, patterned(290_000, 2))).toBe(0)
  })

  it('keeps the order of sends that overlap while the other side is slow', async () => {
    const { left, right } = await open()
    const sent = Array.from({ length: 300 }, (_, i) =>
      left.send(Uint8Array.of(i >> 8, i & 0xff), new Uint8Array(50_000)),
    )
    await delay(50)
    for (let i = 0; i < 300; i++) {
      const frame = await right.read()
      expect(frame![0]! * 256 + frame![1]!).toBe(i)
    }
    await Promise.all(sent)
  })

  it('holds less than 6 MiB in flight when 64 MiB go to a slow reader, and all arrive', async () => {
    const { left, right } = await open()
    const [sentHash, readHash] = [createHash('sha256'), createHash('sha256')]
    let [sentBytes, readBytes, inFlightMax] = [0, 0, 0]
    const writing = (async () => {
      for (let i = 0; i < 256; i++) {
        const frame = patterned(256 * 1024, i)
        sentHash.update(frame)
        await left.send(frame)
        sentBytes += frame.length
        inFlightMax = Math.max(inFlightMax, sentBytes - readBytes)
      }
      await left.close()
    })()
    // What the sender can do while nobody reads is the most that there is.
    await delay(300)
    expect(sentBytes).toBeGreaterThan(0)
    for (let frame = await right.read(); frame !== null; frame = await right.read()) {
      readHash.update(frame)
      readBytes += frame.length
      if (readBytes % (8 * mebibyte) === 0) await delay(20)
    }
    await writing
    expect(inFlightMax).toBeLessThan(6 * mebibyte)
    expect(readBytes).toBe(64 * mebibyte)
    expect(readHash.digest('hex')).toBe(sentHash.digest('hex'))
  })

  it('refuses to send or to take a frame that is too long', async () => {
    const { left, right, leftRaw } = await open()
    await expect(left.send(new Uint8Array(frameBytesMax), new Uint8Array(1))).rejects.toMatchObject({ code: 'limit' })
    await left.send(Uint8Array.of(1))
    expect(await right.read()).toEqual(Uint8Array.of(1))
    leftRaw.send(Uint8Array.of(0, 16, 0, 1))
    await expect(right.read()).rejects.toMatchObject({ code: 'bad-message' })
    await expect(left.read()).rejects.toMatchObject({ code: 'peer-gone' })
    await expect(right.send(Uint8Array.of(1))).rejects.toMatchObject({ code: 'bad-message' })
  })

  it('lets one side end while the other goes on', async () => {
    const { left, right } = await open()
    await left.send(patterned(1000, 1))
    await left.close()
    await left.close()
    expect(await right.read()).toEqual(patterned(1000, 1))
    expect(await right.read()).toBeNull()
    expect(await right.read()).toBeNull()
    await expect(left.send(Uint8Array.of(1))).rejects.toMatchObject({ code: 'peer-gone' })
    for (let i = 0; i < 20; i++) await right.send(patterned(100_000, i))
    await right.close()
    for (let i = 0; i < 20; i++) expect(Buffer.compare((await left.read())!, patterned(100_000, i))).toBe(0)
    expect(await left.read()).toBeNull()
  })

  it('delivers what a reader had not asked for when both sides had ended', async () => {
    const { left, right } = await open()
    for (let i = 0; i < 10; i++) await left.send(patterned(100_000, i))
    await Promise.all([left.close(), right.close()])
    await delay(100)
    for (let i = 0; i < 10; i++) expect(Buffer.compare((await right.read())!, patterned(100_000, i))).toBe(0)
    expect(await right.read()).toBeNull()
    // The connection is still good.
    const again = await open()
    await again.left.send(Uint8Array.of(5))
    expect(await again.right.read()).toEqual(Uint8Array.of(5))
  })

  it('fails pending calls on both sides when one aborts', async () => {
    const { left, right } = await open()
    const pending = Promise.allSettled([left.read(), right.read(), ...fill(left)])
    left.abort('enough')
    const [leftRead, rightRead, ...sends] = await pending
    for (const result of [leftRead, rightRead, ...sends.slice(8)]) expect(result).toMatchObject(failed)
    await expect(right.send(Uint8Array.of(1))).rejects.toMatchObject({ code: 'peer-gone' })
    await expect(left.read()).rejects.toMatchObject({ code: 'peer-gone' })
  })

  it('fails sends that wait for a reader who aborts', async () => {
    const { left, right } = await open()
    const pending = Promise.allSettled(fill(left))
    await delay(100)
    right.abort('enough')
    for (const result of (await pending).slice(8)) expect(result).toMatchObject(failed)
  })

  it('does not take a frame that was cut off for the end', async () => {
    const { right, leftRaw } = await open()
    leftRaw.send(Uint8Array.of(0, 0, 0, 9, 1, 2, 3))
    await leftRaw.close()
    await expect(right.read()).rejects.toMatchObject({ code: 'peer-gone' })
  })
})

describe('Libp2pFrameStream on a connection that breaks', () => {
  it('does not take the break for the end of the stream', async () => {
    const folders = [folderKeysOf(1)]
    const [a, b] = [await startTestNode({ folders }), await startTestNode({ folders })]
    const inbound = Promise.withResolvers<Libp2pFrameStream>()
    await b.libp2p.handle('/frames', (stream) => inbound.resolve(new Libp2pFrameStream(stream, { frameBytesMax })))
    const left = new Libp2pFrameStream(await a.libp2p.dialProtocol(b.libp2p.getMultiaddrs(), '/frames'), {
      frameBytesMax,
    })
    const right = await inbound.promise
    await left.send(Uint8Array.of(1))
    expect(await right.read()).toEqual(Uint8Array.of(1))
    for (const connection of a.libp2p.getConnections()) connection.abort(new Error('pulled the plug'))
    await expect(right.read()).rejects.toMatchObject({ code: 'peer-gone' })
    await expect(left.read()).rejects.toMatchObject({ code: 'peer-gone' })
    await Promise.all([a.libp2p.stop(), b.libp2p.stop()])
  })
})
