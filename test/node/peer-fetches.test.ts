import { setImmediate as nextTurn } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import type { FetchBlock } from '../../src/blocks/plan-fetch.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import { blockFrameBytesMax } from '../../src/model/limits.ts'
import { BlockClient } from '../../src/node/block-client.ts'
import { decodeBlockRequest, encodeReplyHeader, type WantedBlock } from '../../src/node/block-messages.ts'
import type { FetchFile } from '../../src/node/fetch-groups.ts'
import { PeerFetches, type PeerClients } from '../../src/node/peer-fetches.ts'
import { unlimited } from '../../src/ports/throttle.ts'
import type { FrameStream } from '../../src/ports/transport.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { memoryStreamPair } from '../twins/memory-frame-stream.ts'
import { fileRecord } from './sample-record.ts'
import { silentLogger } from '../twins/silent-logger.ts'

const blockBytes = 100_000

/** What a peer answers for a block: its bytes, others, that it does not have it, or nothing at all. */
type Manner = (block: WantedBlock) => Promise<Uint8Array | null> | Uint8Array | null

describe('fetches from several peers', () => {
  let clock: ManualClock
  let disk: MemoryDisk
  let peers: Peers
  let fetches: PeerFetches
  let contents: Map<string, Uint8Array>
  let stagedBytes: number
  /** Where files are asked for that only come after all others. */
  let later: PeerFetches
  let tasks: DiskFileTasks
  const stopping = new AbortController()

  beforeEach(() => {
    clock = new ManualClock()
    disk = new MemoryDisk()
    disk.makeFolder('/root')
    disk.makeFolder('/root/.p2psync')
    disk.makeFolder('/root/.p2psync/staging')
    contents = new Map()
    stagedBytes = 0
    peers = new Peers(clock)
    tasks = new DiskFileTasks({ disk, root: '/root' })
    const deps = {
      tasks,
      clock,
      logger: silentLogger,
      signal: stopping.signal,
      peers: () => peers,
      onStaged: (_: FetchFile, bytes: number) => (stagedBytes += bytes),
    }
    later = new PeerFetches(deps)
    fetches = new PeerFetches({ ...deps, after: later })
  })

  const honest: Manner = (block) => contents.get(block.hash) ?? null

  async function fetchOne(file: FetchFile, blocks: readonly FetchBlock[]): Promise<string | null> {
    return (await fetches.fetch(new Map([[file, blocks]]))).get(file) ?? null
  }

  /** A file of so many blocks, all different, and who says that he has it. */
  function newFile(
    name: string,
    count: number,
    sources: readonly DeviceId[],
  ): { file: FetchFile; blocks: FetchBlock[] } {
    const blocks: FetchBlock[] = []
    for (let i = 0; i < count; i++) {
      const bytes = new Uint8Array(blockBytes).fill(i + 1)
      bytes.set(Buffer.from(name))
      const hash = hashBlock(bytes)
      contents.set(hash, bytes)
      blocks.push({ staged: name, offset: i * blockBytes, length: blockBytes, hash, alsoAt: [] })
    }
    const record = fileRecord(name, name, { sizeBytes: count * blockBytes })
    return { file: { record, sources: new Set(sources), staged: name, local: null }, blocks }
  }

  function stagedHashes(name: string, count: number): string[] {
    const bytes = disk.readFile(`/root/.p2psync/staging/${name}`)
    return Array.from({ length: count }, (_, i) => hashBlock(bytes.subarray(i * blockBytes, (i + 1) * blockBytes)))
  }

  it('takes blocks from all who have them', async () => {
    const [ann, bob] = [peers.add('ann', honest), peers.add('bob', honest)]
    const { file, blocks } = newFile('file', 60, [ann, bob])
    expect(await fetchOne(file, blocks)).toBeNull()
    expect(stagedHashes('file', 60)).toEqual(blocks.map((block) => block.hash))
    expect(stagedBytes).toBe(60 * blockBytes)
    expect(peers.asked(ann) + peers.asked(bob)).toBe(60)
    expect(Math.min(peers.asked(ann), peers.asked(bob))).toBeGreaterThan(10)
  })

  it('asks the others for what a peer does not have', async () => {
    const ann = peers.add('ann', () => null)
    const bob = peers.add('bob', honest)
    const { file, blocks } = newFile('file', 20, [ann, bob])
    expect(await fetchOne(file, blocks)).toBeNull()
    expect(stagedHashes('file', 20)).toEqual(blocks.map((block) => block.hash))
  })

  it('writes nothing wrong, and then asks a liar only for what nobody else has', async () => {
    const liar = peers.add('liar', (block) => new Uint8Array(block.length).fill(255))
    const bob = peers.add('bob', honest)
    const first = newFile('first', 20, [liar, bob])
    expect(await fetchOne(first.file, first.blocks)).toBeNull()
    expect(stagedHashes('first', 20)).toEqual(first.blocks.map((block) => block.hash))
    const askedBefore = peers.asked(liar)
    const second = newFile('second', 20, [liar, bob])
    const third = newFile('third', 1, [liar])
    const outcomes = await Promise.all([fetchOne(second.file, second.blocks), fetchOne(third.file, third.blocks)])
    expect(outcomes).toEqual([null, 'no connected device has all of this file'])
    expect(peers.asked(liar) - askedBefore).toBe(1)
  })

  it('does not wait for a peer that has stalled when another one has the same', async () => {
    const stalled = peers.add('stalled', () => new Promise(() => undefined))
    const bob = peers.add('bob', honest)
    const { file, blocks } = newFile('file', 40, [stalled, bob])
    const fetched = fetchOne(file, blocks)
    await clock.advance(2000)
    expect(await fetched).toBeNull()
    expect(peers.asked(stalled)).toBeGreaterThan(0)
    expect(stagedBytes).toBe(40 * blockBytes)
    expect(stagedHashes('file', 40)).toEqual(blocks.map((block) => block.hash))
  })

  it('goes on with another peer when one goes, and says why when nobody is left', async () => {
    const ann = peers.add('ann', () => new Promise(() => undefined))
    const bob = peers.add('bob', honest)
    const both = newFile('both', 5, [ann, bob])
    const hers = newFile('hers', 5, [ann])
    const outcomes = Promise.all([fetchOne(both.file, both.blocks), fetchOne(hers.file, hers.blocks)])
    await nextTurn()
    peers.remove(ann)
    fetches.sourceGone()
    const [first, second] = await outcomes
    expect(first).toBeNull()
    expect(second).not.toBeNull()
  })

  it('fails with what the disk says, and goes on with other files', async () => {
    const ann = peers.add('ann', honest)
    disk.onCall = (operation) => {
      if (operation === 'write') throw Object.assign(new Error('full'), { code: 'ENOSPC' })
    }
    const { file, blocks } = newFile('file', 5, [ann])
    await expect(fetchOne(file, blocks)).rejects.toMatchObject({ code: 'ENOSPC' })
    disk.onCall = undefined
    const other = newFile('other', 5, [ann])
    expect(await fetchOne(other.file, other.blocks)).toBeNull()
  })

  it('fails only when nothing of these files is being written any more: somebody clears away then', async () => {
    const [ann, bob] = [peers.add('ann', honest), peers.add('bob', honest)]
    const { promise: slowDisk, resolve: goOn } = Promise.withResolvers<void>()
    let writes = 0
    const stage = tasks.stageBlocks.bind(tasks)
    tasks.stageBlocks = async (...args) => {
      if (++writes > 1) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
      await slowDisk
      return stage(...args)
    }
    const { file, blocks } = newFile('file', 60, [ann, bob])
    const isStaged = (): boolean => disk.lstat('/root/.p2psync/staging/file') !== null
    let failed = ''
    const fetched = fetchOne(file, blocks).catch((error: { code: string }) => (failed = error.code))
    for (let turn = 0; turn < 100; turn++) await nextTurn()
    expect([writes > 1, failed, isStaged()]).toEqual([true, '', false])
    goOn()
    await fetched
    expect([failed, isStaged()]).toEqual(['ENOSPC', true])
  })

  it('asks a peer for what comes after all else when nothing else is wanted of it', async () => {
    const order: string[] = []
    const noting: Manner = (block) => {
      const bytes = contents.get(block.hash)!
      order.push(Buffer.from(bytes.subarray(0, 5)).toString())
      return bytes
    }
    const ann = peers.add('ann', noting)
    const [first, after] = [newFile('first', 60, [ann]), newFile('after', 60, [ann])]
    const fetched = fetchOne(first.file, first.blocks)
    const fetchedAfter = later.fetch(new Map([[after.file, after.blocks]]))
    expect([await fetched, (await fetchedAfter).size]).toEqual([null, 0])
    expect(order).toEqual([...first.blocks.map(() => 'first'), ...after.blocks.map(() => 'after')])
  })

  it('stages what is on its way of a file that is withdrawn, and asks for no more of it', async () => {
    const answers = Promise.withResolvers<void>()
    const ann = peers.add('ann', (block) => answers.promise.then(() => contents.get(block.hash)!))
    const { file, blocks } = newFile('file', 200, [ann])
    const fetched = fetchOne(file, blocks)
    await nextTurn()
    const withdrawn = fetches.withdraw(file)
    answers.resolve()
    await withdrawn
    const asked = peers.asked(ann)
    expect(await fetched).toBe('it was given up')
    expect(asked).toBeLessThan(200)
    expect(stagedBytes).toBe(asked * blockBytes)
    for (let turn = 0; turn < 20; turn++) await nextTurn()
    expect(peers.asked(ann)).toBe(asked)
  })

  it.each([
    ['drops what was given up', ['gone']],
    ['drops what was given up, and takes the rest of the same answer', ['gone', 'other']],
  ])('%s', async (_, names) => {
    const answers = Promise.withResolvers<void>()
    const ann = peers.add('ann', (block) => answers.promise.then(() => contents.get(block.hash)!))
    const [gone, ...others] = names.map((name) => newFile(name, 3, [ann])) as [ReturnType<typeof newFile>]
    const fetched = fetches.fetch(new Map([gone, ...others].map(({ file, blocks }) => [file, blocks])))
    await nextTurn()
    await fetches.cancel(new Set([gone.file]))
    answers.resolve()
    expect([...(await fetched).keys()]).toEqual([gone.file])
    for (let turn = 0; turn < 20; turn++) await nextTurn()
    expect(stagedBytes).toBe(others.length * 3 * blockBytes)
    expect(disk.lstat('/root/.p2psync/staging/gone')).toBeNull()
  })
})

/** Connected devices: real clients, each with a scripted far end. */
class Peers implements PeerClients {
  readonly #clock: ManualClock
  readonly #peers = new Map<DeviceId, { client: BlockClient; asked: number }>()

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  get devices(): readonly DeviceId[] {
    return [...this.#peers.keys()]
  }

  client(device: DeviceId): BlockClient | null {
    return this.#peers.get(device)?.client ?? null
  }

  asked(device: DeviceId): number {
    return this.#peers.get(device)?.asked ?? 0
  }

  add(name: string, manner: Manner): DeviceId {
    const device = name as unknown as DeviceId
    const peer = {
      asked: 0,
      client: new BlockClient({
        open: () => {
          const [near, far] = memoryStreamPair({
            frameBytesMax: blockFrameBytesMax,
            bytesInFlightMax: 1024 * 1024,
            delayMs: () => 0,
            clock: null,
            onFrame: () => undefined,
            onEnded: () => undefined,
          })
          void this.#serve(far, (block) => {
            peer.asked++
            return manner(block)
          })
          return Promise.resolve(near)
        },
        clock: this.#clock,
        throttle: unlimited,
        onReceived: () => undefined,
      }),
    }
    this.#peers.set(device, peer)
    return device
  }

  remove(device: DeviceId): void {
    this.#peers.get(device)?.client.close()
    this.#peers.delete(device)
  }

  async #serve(stream: FrameStream, manner: Manner): Promise<void> {
    try {
      for (let frame = await stream.read(); frame !== null; frame = await stream.read()) {
        const { request } = decodeBlockRequest(frame)
        if (request.type !== 'blocks') throw new Error('only blocks are asked for here')
        const blocks = request.wants.flatMap((want) => want.blocks)
        const answers = await Promise.all(blocks.map(async (block) => manner(block)))
        const found = answers.map((answer) => answer !== null)
        await stream.send(encodeReplyHeader(found), ...answers.filter((answer) => answer !== null))
      }
    } catch {
      // The client has closed it.
    }
  }
}
