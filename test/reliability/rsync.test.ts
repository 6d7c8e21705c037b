import { afterEach, describe, expect, it, vi } from 'vitest'
import { BlockList, encodeBlockList } from '../../src/blocks/block-list.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { planFetch } from '../../src/blocks/plan-fetch.ts'
import { readBlocks } from '../../src/blocks/read-blocks.ts'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import { blockHashFromBytes } from '../../src/model/block-hash.ts'
import { P2psyncError } from '../../src/model/errors.ts'
import { blockFrameBytesMax, counterMax, fileSizeBytesMax } from '../../src/model/limits.ts'
import { decodeRecord, encodeRecord } from '../../src/model/record-codec.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { WireReader } from '../../src/model/wire-reader.ts'
import { WireWriter } from '../../src/model/wire-writer.ts'
import { BlockClient } from '../../src/node/block-client.ts'
import { decodeBlockRequest, encodeBlockRequest, type BlockRequest } from '../../src/node/block-messages.ts'
import { BlockServer } from '../../src/node/block-server.ts'
import { decodeSyncMessage, encodeSyncMessage, type SyncMessage } from '../../src/node/sync-messages.ts'
import { unlimited } from '../../src/ports/throttle.ts'
import { PackDecision } from '../../src/transfer/compression.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { PlainDisk, runJob } from '../blocks/plain-disk.ts'
import { fileRecord } from '../node/sample-record.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { memoryStreamPair } from '../twins/memory-frame-stream.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'

const record = fileRecord('a', 'text')
const hash = hashBlock(Buffer.from('text'))
const aBlock = { hash, offset: 0, length: 4 }
const aPath = parseRelativePath('a')

/** Bugs that rsync shipped: what a peer may say, and what of ours may reach it. */
describe('bugs of rsync', () => {
  afterEach(() => vi.restoreAllMocks())

  it.each([0, 1, 16, 31, 33, 64, 1000])(
    'rsync CVE-2024-12084: a hash of %i bytes is refused wherever a peer may say one',
    (length) => {
      const bytes = new Uint8Array(length)
      expect(() => blockHashFromBytes(bytes)).toThrow(P2psyncError)
      const isTheContent = (field: number) => field === 8
      expect(() => decodeRecord(withBytes(encodeRecord(record), isTheContent, bytes))).toThrow(P2psyncError)
      const list = encodeBlockRequest({ type: 'list', content: hash, isShort: false, offset: 0, length: 1 }, 0)
      expect(() => decodeBlockRequest(withBytes(list, (field) => field === 2, bytes))).toThrow(P2psyncError)
      const want = new WireWriter().string(1, 'a').bytes(2, bytes).bytes(3, new Uint8Array(44)).finish()
      if (length > 0) expect(() => decodeBlockRequest(new WireWriter().element(1, want).finish())).toThrow(P2psyncError)
    },
  )

  it('rsync CVE-2024-12085: no byte that was in memory before leaves in a message', () => {
    const messages = [0x00, 0xaa].map((byte) => {
      vi.spyOn(Buffer, 'allocUnsafe').mockImplementation((size) => Buffer.alloc(size, byte))
      return [
        encodeRecord(record),
        ...everyMessage().map(encodeSyncMessage),
        encodeBlockRequest({ type: 'blocks', wants: [{ path: aPath, content: hash, blocks: [aBlock] }] }, 7, 'zstd'),
      ].map((bytes) => Buffer.from(bytes).toString('hex'))
    })
    expect(messages[1]).toEqual(messages[0])
  })

  it('rsync CVE-2024-12085: a reply into a buffer that was used before holds nothing but the blocks asked for', () => {
    const disk = new PlainDisk()
    disk.put('/root/a', Buffer.from('text'))
    const requests = [aBlock, { ...aBlock, offset: 2 }, { ...aBlock, length: 3 }, aBlock]
    const into = new Uint8Array(4096).fill(0xaa)
    const { result } = runJob(
      readBlocks(
        disk.port,
        '/root',
        requests.map((block) => ({ ...block, path: aPath })),
        { into },
      ),
    )
    expect([result.found, Buffer.from(result.bytes).toString()]).toEqual([[true, false, false, true], 'texttext'])
  })

  it('rsync CVE-2024-12086: a peer reads nothing but what the index tells everybody, even if it knows its hash', async () => {
    const disk = new MemoryDisk()
    disk.writeFile('/root/a', 'text')
    disk.writeFile('/root/not yet looked at', 'secret')
    disk.writeFile('/root/.p2psync/history/1/gone', 'secret')
    disk.writeFile('/outside', 'secret')
    disk.quietly(() => disk.makeLink('/root/link', '../outside'))
    const ask = await serverOf(disk)
    expect((await ask('a', 'text')).found).toEqual([true])
    for (const path of ['not yet looked at', 'link', 'a', 'link/x'])
      expect((await ask(path, 'secret')).found).toEqual([false])
    for (const path of ['.p2psync/history/1/gone', '../outside', '/outside']) {
      const want = { path: path as typeof aPath, content: hash, blocks: [aBlock] }
      const frame = encodeBlockRequest({ type: 'blocks', wants: [want] }, 0)
      expect(() => decodeBlockRequest(frame)).toThrow(P2psyncError)
    }
  })

  it.each([2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n].flatMap((edge) => [edge - 1n, edge, edge + 1n]))(
    'rsync CVE-2026-43618: the number %s is understood exactly or refused, wherever it stands',
    (value) => {
      expect(read(() => numberOf(varint(value)))).toBe(value < 2n ** 53n ? Number(value) : 'refused')
      const size = read(() => decodeRecord(withVarint(encodeRecord(record), 3, value)).sizeBytes)
      expect(size).toBe(value <= BigInt(fileSizeBytesMax) ? Number(value) : 'refused')
      const version = Buffer.concat([Buffer.from([0x0a, 16]), Buffer.alloc(16, 7), Buffer.from([0x10]), varint(value)])
      const versioned = withBytes(encodeRecord(record), (field) => field === 9, version)
      const counter = read(() => decodeRecord(versioned).version[0]![1])
      expect(counter).toBe(value <= BigInt(counterMax) ? Number(value) : 'refused')
      const list = encodeBlockRequest({ type: 'list', content: hash, isShort: false, offset: 1, length: 1 }, 0)
      for (const field of [3, 4]) {
        expect(read(() => decodeBlockRequest(withVarint(list, field, value)))).toBe('refused')
      }
    },
  )

  it('rsync CVE-2026-70453: a list of chosen hashes, all alike or all zeros, takes no more than linear time', () => {
    const count = 100_000
    const zeros = hashBlock(new Uint8Array(16_384))
    for (const chosen of [zeros, hash]) {
      const list = new BlockList(
        encodeBlockList(Array.from({ length: count }, () => ({ hash: chosen, length: 16_384 }))),
      )
      const here = { source: aPath, sourceOffset: 0 }
      const plan = planFetch(list, new Map(), 'staged')
      // A comparison of each with each would take minutes, and more than the test may.
      expect(plan.remote.length).toBe(1)
      expect(planFetch(list, new Map([[chosen, here]]), 'staged').local.length).toBe(count)
    }
  })

  it('rsync CVE-2026-70455, -70462: no message sets threads, deadlines or levels of ours: what we do not know is left', () => {
    const hello = everyMessage()[0]!
    const body = encodeSyncMessage(hello)
    for (let field = 9; field < 64; field++) {
      const more = new WireWriter().uint(field, 2 ** 40).finish()
      expect(decodeSyncMessage(joined(body, more))).toEqual(decodeSyncMessage(body))
    }
    const request: BlockRequest = { type: 'blocks', wants: [] }
    for (let field = 8; field < 64; field++) {
      const more = new WireWriter().uint(field, 2 ** 40).finish()
      const decoded = decodeBlockRequest(joined(encodeBlockRequest(request, 3, 'zstd'), more))
      expect(decoded).toEqual({ request, received: 3, accepts: 'zstd' })
    }
  })
})

/** Hello first. */
function everyMessage(): SyncMessage[] {
  const state = { root: new Uint8Array(32), entries: 1, files: 1, bytes: 1, neededFiles: 0, neededBytes: 0, busy: true }
  const epoch = '0123456789abcdef'
  const known = { knownEpoch: epoch, knownSeq: 2, state }
  const keys = [Buffer.from('a'), Buffer.from('ab\0c')]
  return [
    { type: 'hello', hello: { version: 2, deviceName: 'peer', epoch, seq: 3, ...known } },
    { type: 'changes', changes: { records: [record, fileRecord('b', 'b')], toSeq: 9, more: false, state } },
    { type: 'ask', id: 1, question: { kind: 'entries', level: 0, keys } },
    { type: 'ask', id: 2, question: { kind: 'records', paths: [aPath] } },
    {
      type: 'answer',
      id: 1,
      answer: { kind: 'entries', nodes: [keys.map((key) => ({ key, hash8: new Uint8Array(8) }))] },
    },
    { type: 'answer', id: 2, answer: { kind: 'records', records: [record] } },
    { type: 'moved', toSeq: 4, taken: true },
  ]
}

/** A device that has `/root/a` in its index: asks it for the block `text` at `path`. */
async function serverOf(disk: MemoryDisk): Promise<(path: string, text: string) => ReturnType<BlockClient['request']>> {
  const index = await FolderIndex.open(memoryStore(), { deviceTag: new Uint8Array(8), random: new SeededRandom(1) })
  await index.commit([{ record, disk: null }])
  const clock = new ManualClock()
  const tasks = new DiskFileTasks({ disk, root: '/root' })
  const server = new BlockServer({ index, tasks, clock, drafts: { local: { pathOf: () => null } } })
  const [near, far] = memoryStreamPair({
    frameBytesMax: blockFrameBytesMax,
    bytesInFlightMax: 1024 * 1024,
    delayMs: () => 0,
    clock: null,
    onFrame: () => undefined,
    onEnded: () => undefined,
  })
  void server.serve(far, { throttle: unlimited, packing: new PackDecision(), onSent: () => undefined })
  const client = new BlockClient({
    open: () => Promise.resolve(near),
    clock,
    throttle: unlimited,
    onReceived: () => undefined,
  })
  return (path, text) => {
    const content = hashBlock(Buffer.from(text))
    const block = { hash: content, offset: 0, length: text.length }
    const wants = [{ path: parseRelativePath(path), content, blocks: [block] }]
    return client.request({ type: 'blocks', wants }, { blocks: 1, bytes: text.length })
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}

function numberOf(bytes: Buffer): number {
  const reader = new WireReader(Buffer.concat([Buffer.from([0x08]), bytes]))
  reader.next()
  return reader.uint()
}

function read<T>(decode: () => T): T | 'refused' {
  try {
    return decode()
  } catch (error) {
    expect(error).toBeInstanceOf(P2psyncError)
    return 'refused'
  }
}

/** The message with another value in its fields of bytes that `isWanted`. */
function withBytes(message: Uint8Array, isWanted: (field: number) => boolean, value: Uint8Array): Uint8Array {
  return rewritten(message, (field) => (isWanted(field) ? Buffer.concat([varint(BigInt(value.length)), value]) : null))
}

/** The message with another number in one field. */
function withVarint(message: Uint8Array, wanted: number, value: bigint): Uint8Array {
  return rewritten(message, (field) => (field === wanted ? varint(value) : null))
}

/** Fields are in ascending order, each with a header of one byte. */
function rewritten(message: Uint8Array, valueOf: (field: number) => Buffer | null): Uint8Array {
  const parts: Uint8Array[] = []
  for (let at = 0; at < message.length;) {
    const header = message[at]!
    let end = at + 1
    let number = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[end++]!
      number |= BigInt(byte & 127) << shift
      if (byte < 128) break
    }
    if (header % 8 === 2) end += Number(number)
    const value = valueOf(header >> 3)
    parts.push(value === null ? message.subarray(at, end) : Buffer.concat([Buffer.from([header]), value]))
    at = end
  }
  return Buffer.concat(parts)
}
