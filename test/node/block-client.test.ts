import { setImmediate as nextTurn } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import { blockFrameBytesMax } from '../../src/model/limits.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { BlockClient } from '../../src/node/block-client.ts'
import {
  encodeBlockRequest,
  encodeReplyHeader,
  type BlockReply,
  type BlockRequest,
} from '../../src/node/block-messages.ts'
import { BlockServer } from '../../src/node/block-server.ts'
import { unlimited } from '../../src/ports/throttle.ts'
import type { FrameStream } from '../../src/ports/transport.ts'
import { PackDecision } from '../../src/transfer/compression.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { memoryStreamPair } from '../twins/memory-frame-stream.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { fileRecord } from './sample-record.ts'

const hello = fileRecord('hello', 'hello world')
const size = { blocks: 1, bytes: hello.sizeBytes }

function wantOf(text: string, path = 'hello'): BlockRequest {
  const hash = hashBlock(Buffer.from(text))
  const block = { hash, offset: 0, length: text.length }
  return { type: 'blocks', wants: [{ path: parseRelativePath(path), content: hash, blocks: [block] }] }
}

describe('a block client', () => {
  let clock: ManualClock
  let streams: FrameStream[]
  let client: BlockClient

  beforeEach(() => {
    clock = new ManualClock()
    streams = []
    client = new BlockClient({
      open: () => {
        const [near, far] = streamPair()
        streams.push(far)
        return Promise.resolve(near)
      },
      clock,
      throttle: unlimited,
      onReceived: () => undefined,
    })
  })

  it('matches replies to requests in their order, on one stream', async () => {
    const asked = [client.request(wantOf('one'), size), client.request(wantOf('two'), size)]
    await nextTurn()
    for (const text of ['one', 'two']) await streams[0]!.send(encodeReplyHeader([true]), Buffer.from(text))
    expect((await Promise.all(asked)).map(bytesOf)).toEqual(['one', 'two'])
    expect(streams).toHaveLength(1)
  })

  it('fails what is pending when a reply is malformed, and opens another stream for the next request', async () => {
    const asked = [client.request(wantOf('one'), size), client.request(wantOf('two'), size)]
    const failures = Promise.allSettled(asked)
    await nextTurn()
    await streams[0]!.send(encodeReplyHeader([true, true]))
    expect((await failures).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    const again = client.request(wantOf('one'), size)
    await nextTurn()
    await streams[1]!.send(encodeReplyHeader([true]), Buffer.from('one'))
    expect(bytesOf(await again)).toBe('one')
  })

  it('does not lose a new stream with the end of an old one', async () => {
    const first = client.request(wantOf('one'), size).catch(() => null)
    await nextTurn()
    await streams[0]!.send(Uint8Array.of(1))
    await first
    const again = client.request(wantOf('two'), size)
    for (let turn = 0; turn < 5; turn++) await nextTurn()
    await streams[1]!.send(encodeReplyHeader([true]), Buffer.from('two'))
    expect(bytesOf(await again)).toBe('two')
  })

  it('gives up a stream with a reply that nobody asked for', async () => {
    const asked = client.request(wantOf('one'), size)
    await nextTurn()
    await streams[0]!.send(encodeReplyHeader([true]), Buffer.from('one'))
    await asked
    await streams[0]!.send(encodeReplyHeader([true]), Buffer.from('two'))
    for (let turn = 0; turn < 5; turn++) await nextTurn()
    const again = client.request(wantOf('two'), size)
    for (let turn = 0; turn < 5; turn++) await nextTurn()
    expect(streams).toHaveLength(2)
    await streams[1]!.send(encodeReplyHeader([true]), Buffer.from('two'))
    expect(bytesOf(await again)).toBe('two')
  })

  it('gives up a peer that is silent', async () => {
    const asked = client.request(wantOf('one'), size).catch((error: unknown) => error)
    await clock.advance(120_000)
    expect(await asked).toMatchObject({ code: 'peer-gone' })
  })

  it('has no room for more than its window, and fails what waits when it is closed', async () => {
    const large = { blocks: 1, bytes: 8 * 1024 * 1024 }
    expect(client.hasRoom).toBe(true)
    const asked = client.request(wantOf('one'), large)
    await nextTurn()
    expect(client.hasRoom).toBe(false)
    client.close()
    await expect(asked).rejects.toMatchObject({ code: 'peer-gone' })
    expect(client.hasRoom).toBe(false)
  })

  it('asks only when the throttle lets it', async () => {
    const leave = Promise.withResolvers<void>()
    const throttled = new BlockClient({
      open: () => {
        const [near, far] = streamPair()
        streams.push(far)
        return Promise.resolve(near)
      },
      clock,
      throttle: { bytesPerSecond: 1, take: () => leave.promise },
      onReceived: () => undefined,
    })
    const asked = throttled.request(wantOf('one'), { blocks: 1, bytes: 1024 * 1024 })
    await nextTurn()
    expect(streams).toHaveLength(0)
    expect(throttled.hasRoom).toBe(false)
    leave.resolve()
    await nextTurn()
    await streams[0]!.send(encodeReplyHeader([true]), Buffer.from('one'))
    expect(bytesOf(await asked)).toBe('one')
  })
})

describe('a block server', () => {
  let disk: MemoryDisk
  let peer: FrameStream
  let client: BlockClient
  let served: Promise<unknown>

  beforeEach(async () => {
    disk = new MemoryDisk()
    disk.writeFile('/root/hello', 'hello world')
    const index = await FolderIndex.open(memoryStore(), { deviceTag: new Uint8Array(8), random: new SeededRandom(1) })
    await index.commit([{ record: hello, disk: null }])
    const server = new BlockServer({
      index,
      tasks: new DiskFileTasks({ disk, root: '/root' }),
      clock: new ManualClock(),
      drafts: { local: { pathOf: () => null } },
    })
    // Whose replies are stuck after the first.
    const [near, far] = streamPair({ bytesInFlightMax: 100 })
    peer = near
    served = server
      .serve(far, { throttle: unlimited, packing: new PackDecision(), onSent: () => undefined })
      .catch((error: unknown) => error)
    client = new BlockClient({
      open: () => Promise.resolve(near),
      clock: new ManualClock(),
      throttle: unlimited,
      onReceived: () => undefined,
    })
  })

  it('sends a block that is on its disk, whatever path the peer thinks of', async () => {
    expect(bytesOf(await client.request(wantOf('hello world', 'elsewhere'), size))).toBe('hello world')
  })

  it('says that a block is missing once its bytes are others', async () => {
    disk.writeFile('/root/hello', 'HELLO WORLD')
    expect((await client.request(wantOf('hello world'), size)).found).toEqual([false])
    expect((await client.request(wantOf('never there'), size)).found).toEqual([false])
  })

  it('ends with a peer that sends no request', async () => {
    await peer.send(Uint8Array.of(0xff))
    expect(await served).toMatchObject({ code: 'bad-message' })
  })

  it('reads no further ahead of a peer that does not take its replies', async () => {
    let reads = 0
    disk.onCall = (operation) => {
      if (operation === 'openRead') reads++
    }
    const frame = encodeBlockRequest(wantOf('hello world'), 0)
    for (let i = 0; i < 100; i++) void peer.send(frame).catch(() => undefined)
    for (let turn = 0; turn < 200; turn++) await nextTurn()
    peer.abort('the end of the test')
    await served
    expect(reads).toBeLessThan(10)
  })
})

function streamPair({ bytesInFlightMax = 1024 * 1024 } = {}): [FrameStream, FrameStream] {
  return memoryStreamPair({
    frameBytesMax: blockFrameBytesMax,
    bytesInFlightMax,
    delayMs: () => 0,
    clock: null,
    onFrame: () => undefined,
    onEnded: () => undefined,
  })
}

function bytesOf(reply: BlockReply): string {
  return Buffer.from(reply.frame.subarray(reply.bytesAt)).toString('utf8')
}
