import { beforeEach, describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import { P2psyncError } from '../../src/model/errors.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { FileRecord } from '../../src/model/file-record.ts'
import { controlFrameBytesMax } from '../../src/model/limits.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { DraftMessage } from '../../src/node/draft-message.ts'
import { DraftTelling } from '../../src/node/draft-telling.ts'
import { LocalDrafts } from '../../src/node/local-drafts.ts'
import { PeerSession } from '../../src/node/peer-session.ts'
import type { SessionHost } from '../../src/node/session-host.ts'
import {
  decodeSyncMessage,
  encodeSyncMessage,
  syncProtocolVersion,
  type Changes,
  type Hello,
  type SyncMessage,
} from '../../src/node/sync-messages.ts'
import type { FrameStream } from '../../src/ports/transport.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { memoryStreamPair } from '../twins/memory-frame-stream.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { fileRecord } from './sample-record.ts'

const peer = `12D3Koo${'2'.repeat(45)}` as DeviceId
/** So many blocks of 257 bytes, as a draft tells them. */
const blocksOf = (count: number) => {
  const block = [...new Uint8Array(32).fill(9), 0, 0, 1, 1]
  return Uint8Array.from(Array.from({ length: count }, () => block).flat())
}
const theirEpoch = 'aa'.repeat(8)

describe('a session with a scripted peer', () => {
  let index: FolderIndex
  let clock: ManualClock
  let host: SessionHost & { readonly received: FileRecord[]; restored: number; mayKnowSeq: number }
  let drafts: LocalDrafts
  let taken: DraftMessage[]
  let remote: FrameStream
  let session: PeerSession
  let ended: Promise<unknown>

  beforeEach(async () => {
    index = await FolderIndex.open(memoryStore(), { deviceTag: new Uint8Array(8), random: new SeededRandom(1) })
    await index.commit([{ record: fileRecord('ours', 'ours'), disk: null }])
    clock = new ManualClock()
    drafts = new LocalDrafts({
      index,
      random: new SeededRandom(2),
      onChange: () => session.wake(),
      draftBytesMin: 1000,
    })
    taken = []
    host = {
      index,
      deviceName: 'alpha',
      received: [],
      restored: 0,
      mayKnowSeq: 1,
      state: () => ({ root: index.summary.hash, entries: index.summary.entries, files: 0, bytes: 0, ...nothingNeeded }),
      receive: (_, records) => Promise.resolve(host.received.push(...records)),
      countDeclined: () => Promise.resolve(0),
      told: {
        beforeTelling: () => Promise.resolve(),
        mayKnow: () => host.mayKnowSeq,
        onTelling: () => undefined,
      },
      isSettledWith: () => true,
      takeMove: async () => false,
      onRestoredDatabase: () => {
        host.restored++
        return index.renewIncarnation(index.seq)
      },
      onChange: () => undefined,
      drafts: {
        telling: () => new DraftTelling(drafts),
        take: (_, message) => taken.push(message),
        onSessionEnd: () => undefined,
      },
    }
    const [near, far] = memoryStreamPair({
      frameBytesMax: controlFrameBytesMax,
      bytesInFlightMax: 1000,
      delayMs: () => 0,
      clock: null,
      onFrame: () => undefined,
      onEnded: () => undefined,
    })
    remote = far
    session = new PeerSession({ peer, host, stream: near, clock, logger: silentLogger })
    ended = session.run().then(
      () => 'ended',
      (error: unknown) => error,
    )
  })

  it('begins with a hello that tells who we are and how far', async () => {
    expect(await next()).toMatchObject({
      type: 'hello',
      hello: { deviceName: 'alpha', epoch: index.epoch, seq: 1, knownEpoch: '', knownSeq: 0 },
    })
  })

  it('sends its log from where a peer that knows it left off', async () => {
    await index.commit([{ record: fileRecord('news', 'news'), disk: null }])
    await greet({ knownEpoch: index.epoch, knownSeq: 1 })
    expect(await next()).toMatchObject({ type: 'changes', changes: { toSeq: 2, records: [{ path: 'news' }] } })
  })

  it('tells what is being hashed, and that it is over only behind its record', async () => {
    await greet({ knownEpoch: index.epoch, knownSeq: 1 })
    await next()
    const film = { path: 'film' as RelativePath, disk: { sizeBytes: 5000 } as DiskState }
    const { onBlocks } = (await drafts.telling([film]))!
    onBlocks(film.path, blocksOf(1))
    const first = await next()
    onBlocks(film.path, blocksOf(2))
    const second = await next()
    const change = { record: fileRecord('film', 'film'), disk: null }
    await index.commit([change])
    drafts.settle([film])
    session.wake([change])
    const record = await next()
    expect(first).toMatchObject({ type: 'draft', draft: { path: 'film', sizeBytes: 5000, first: 0, isOver: false } })
    expect(second).toMatchObject({ type: 'draft', draft: { first: 1, blocks: blocksOf(2) } })
    expect(record).toMatchObject({ type: 'changes', changes: { records: [{ path: 'film' }] } })
    expect(await next()).toMatchObject({ type: 'draft', draft: { path: 'film', isOver: true } })
  })

  it('sends all of its log to a peer that has nothing', async () => {
    await greet({})
    expect(await next()).toMatchObject({ type: 'changes', changes: { toSeq: 1, records: [{ path: 'ours' }] } })
  })

  it('leaves a stranger with a folder of its own to walk the tree, and walks that of the stranger', async () => {
    await greet({ state: { ...emptyState, entries: 1, root: new Uint8Array(32).fill(1) } })
    const messages = [await next(), await next()]
    expect(messages).toContainEqual({ type: 'ask', id: 1, question: { kind: 'root' } })
    const told = messages.find((message) => message.type === 'changes')
    expect(told?.changes).toMatchObject({ records: [], toSeq: 1 })
  })

  it('finds out from what a peer knows that our database is an old one', async () => {
    const { epoch } = index
    await greet({ knownEpoch: epoch, knownSeq: 9 })
    await next()
    expect([host.restored, index.epoch === epoch]).toEqual([1, false])
  })

  it('saves how far the log of a peer was taken in only with its last part', async () => {
    await greet({ seq: 5 })
    await say({ type: 'changes', changes: { records: [fileRecord('x', 'x')], toSeq: 3, more: true, state: null } })
    await next()
    await clock.advance(1000)
    expect([session.isReceiving, await index.peerState(peer)]).toEqual([true, null])
    await say({ type: 'changes', changes: { records: [fileRecord('y', 'y')], toSeq: 5, more: false, state: null } })
    await clock.advance(1000)
    expect(await index.peerState(peer)).toEqual({ epoch: theirEpoch, seq: 5 })
  })

  it('saves no progress while something of it is still to be done', async () => {
    let isSettled = false
    host.isSettledWith = () => isSettled
    await greet({ seq: 5 })
    await next()
    await say({ type: 'changes', changes: { records: [fileRecord('y', 'y')], toSeq: 5, more: false, state: null } })
    await clock.advance(10_000)
    expect([session.isReceiving, await index.peerState(peer)]).toEqual([false, null])
    isSettled = true
    await clock.advance(1000)
    expect(await index.peerState(peer)).toEqual({ epoch: theirEpoch, seq: 5 })
  })

  it('saves no progress of what came when the session was about to end: nobody may have taken it', async () => {
    const taking = Promise.withResolvers<number>()
    host.receive = () => taking.promise
    await greet({ seq: 5 })
    await say({ type: 'changes', changes: { records: [], toSeq: 3, more: true, state: null } })
    await next()
    await say({ type: 'changes', changes: { records: [fileRecord('y', 'y')], toSeq: 5, more: false, state: null } })
    await clock.advance(1000)
    session.stop()
    taking.resolve(0)
    await ended
    await clock.advance(1000)
    expect(await index.peerState(peer)).toBeNull()
  })

  it('tells how far its log is told only with the last of the frames that it takes', async () => {
    const folder = Array.from({ length: 15 }, () => 'n'.repeat(250)).join('/')
    const records = Array.from({ length: 190 }, (_, i) => fileRecord(`${folder}/${i}`, 'x'))
    await index.commit(records.map((record) => ({ record, disk: null })))
    await greet({ knownEpoch: index.epoch, knownSeq: 1 })
    const told: Changes[] = []
    for (let more = true; more; more = told.at(-1)!.more) {
      const message = await next()
      if (message.type === 'changes') told.push(message.changes)
    }
    expect(told.length).toBeGreaterThan(1)
    expect(new Set(told.slice(0, -1).map((changes) => changes.toSeq))).toEqual(new Set([1]))
    expect(told.at(-1)?.toSeq).toBe(191)
    expect(told.flatMap((changes) => changes.records)).toHaveLength(190)
  })

  it('gives up a peer that says no hello', async () => {
    await clock.advance(5 * 60_000)
    expect(await ended).toMatchObject({ code: 'peer-gone' })
  })

  it('gives up a peer that is silent in the middle of a change', async () => {
    await greet({ seq: 5 })
    await say({ type: 'changes', changes: { records: [], toSeq: 3, more: true, state: null } })
    await clock.advance(5 * 60_000)
    expect(await ended).toMatchObject({ code: 'peer-gone' })
  })

  it('keeps a peer that has nothing to say', async () => {
    await greet({ state: host.state() })
    await clock.advance(60 * 60_000)
    expect(session.isReceiving).toBe(false)
    session.stop()
    expect(await ended).toBe('ended')
  })

  it.each([
    ['another message than a hello', encodeSyncMessage({ type: 'ask', id: 1, question: { kind: 'root' } })],
    ['a hello of an older version', encodeSyncMessage({ type: 'hello', hello: { ...helloOf({}), version: 1 } })],
    ['what is no message', Uint8Array.of(1, 0xff, 0xff)],
  ])('ends with a peer that begins with %s', async (_, frame) => {
    await remote.send(frame)
    const error = await ended
    expect(error).toBeInstanceOf(P2psyncError)
    expect(error).toMatchObject({ code: 'bad-message' })
  })

  it('ends with a peer that asks more than it takes answers for', async () => {
    await greet({})
    const path = fileRecord('ours', '').path
    const asks = Array.from({ length: 100 }, (_, id) =>
      say({ type: 'ask', id, question: { kind: 'records', paths: [path] } }),
    )
    await Promise.allSettled(asks)
    expect(await ended).toMatchObject({ code: 'limit' })
  })

  async function greet(hello: Partial<Hello>): Promise<void> {
    await next()
    await say({ type: 'hello', hello: helloOf(hello) })
  }

  async function say(message: SyncMessage): Promise<void> {
    await remote.send(encodeSyncMessage(message))
  }

  async function next(): Promise<SyncMessage> {
    const frame = await remote.read()
    if (frame === null) throw new Error('the session has ended')
    return decodeSyncMessage(frame)
  }
})

const nothingNeeded = { neededFiles: 0, neededBytes: 0, busy: false }
const emptyState = { root: new Uint8Array(32), entries: 0, files: 0, bytes: 0, ...nothingNeeded }

function helloOf(hello: Partial<Hello>): Hello {
  const knows = { knownEpoch: '', knownSeq: 0 }
  return {
    version: syncProtocolVersion,
    deviceName: 'beta',
    epoch: theirEpoch,
    seq: 0,
    ...knows,
    state: emptyState,
    ...hello,
  }
}
