import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { P2psyncError } from '../../src/model/errors.ts'
import { blockHashFromBytes } from '../../src/model/block-hash.ts'
import { blockBytesMax, counterMax, fileSizeBytesMax } from '../../src/model/limits.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import {
  decodeSyncMessage,
  encodeSyncMessage,
  type ReplicaState,
  type SyncMessage,
} from '../../src/node/sync-messages.ts'
import { questionNodesMax, questionPathsMax } from '../../src/node/tree-messages.ts'
import { fileRecord } from './sample-record.ts'

const bytesOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const count = fc.maxSafeNat()
const seq = fc.nat({ max: counterMax })
const epoch = bytesOf(8).map((bytes) => Buffer.from(bytes).toString('hex'))
const path = fc.constantFrom('a', 'd/e', 'ä/ö', 'long '.repeat(40).trim()).map(parseRelativePath)
const record = fc.record({ path, text: fc.string(), counter: fc.integer({ min: 1, max: counterMax }) }).map((facts) => {
  return fileRecord(facts.path, facts.text, { counter: facts.counter })
})
const state: fc.Arbitrary<ReplicaState> = fc.record({
  root: bytesOf(32),
  entries: count,
  files: count,
  bytes: count,
  neededFiles: count,
  neededBytes: count,
  busy: fc.boolean(),
})
const key = fc
  .array(fc.constantFrom('a', 'ab', '\0', 'folder', 'ä'), { maxLength: 12 })
  .map((parts) => Buffer.from(parts.join('')))
const keys = fc.array(key, { maxLength: 20 })
const treeKind = fc.constantFrom('children' as const, 'entries' as const)
const entry = fc.record({ hash: bytesOf(32), length: fc.integer({ min: 1, max: blockBytesMax }) })
const blocks = fc.array(entry, { maxLength: 20 }).map((entries) => {
  const bytes = new Uint8Array(entries.length * 36)
  for (const [i, { hash, length }] of entries.entries()) {
    bytes.set(hash, i * 36)
    new DataView(bytes.buffer).setUint32(i * 36 + 32, length)
  }
  return bytes
})
const message: fc.Arbitrary<SyncMessage> = fc.oneof(
  fc.record({
    type: fc.constant('draft' as const),
    draft: fc.record({
      id: bytesOf(32).map(blockHashFromBytes),
      path,
      sizeBytes: fc.nat({ max: fileSizeBytesMax }),
      first: fc.nat({ max: 1_000_000 }),
      blocks,
      isOver: fc.boolean(),
    }),
  }),
  fc.record({
    type: fc.constant('hello' as const),
    hello: fc.record({
      version: fc.integer({ min: 1, max: 1000 }),
      deviceName: fc.string({ maxLength: 16 }).map((text) => text.toWellFormed()),
      epoch,
      seq,
      knownEpoch: fc.oneof(epoch, fc.constant('')),
      knownSeq: seq,
      state,
    }),
  }),
  fc.record({
    type: fc.constant('changes' as const),
    changes: fc.record({
      records: fc.array(record, { maxLength: 5 }),
      toSeq: seq,
      more: fc.boolean(),
      state: fc.option(state),
    }),
  }),
  fc.record({
    type: fc.constant('ask' as const),
    id: count,
    question: fc.oneof(
      fc.constant({ kind: 'root' as const }),
      fc.record({ kind: treeKind, level: fc.nat({ max: 64 }), keys }),
      fc.record({ kind: fc.constant('records' as const), paths: fc.array(path, { maxLength: 9 }) }),
    ),
  }),
  fc.record({
    type: fc.constant('answer' as const),
    id: count,
    answer: fc.oneof(
      fc.record({ kind: fc.constant('root' as const), root: bytesOf(32), height: fc.nat({ max: 64 }) }),
      fc.record({
        kind: treeKind,
        nodes: fc.array(fc.array(fc.record({ key, hash8: bytesOf(8) }), { maxLength: 9 }), { maxLength: 9 }),
      }),
      fc.record({ kind: fc.constant('records' as const), records: fc.array(record, { maxLength: 5 }) }),
    ),
  }),
)

describe('sync messages', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const received = decodeSyncMessage(encodeSyncMessage(sent))
        expect(plain(received)).toEqual(plain(sent))
      }),
    )
  })

  it('are refused with an error of ours, or understood, whatever a peer sends', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat({ max: 255 }), fc.nat(), (sent, at, byte, end) => {
        const frame = encodeSyncMessage(sent)
        const broken = frame.slice(0, end % 3 === 0 ? end % (frame.length + 1) : frame.length)
        if (broken.length > 0) broken[at % broken.length] = byte
        expectOurError(() => decodeSyncMessage(broken))
      }),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 8 }), (body, type) => {
        expectOurError(() => decodeSyncMessage(Uint8Array.of(type, ...body)))
      }),
      { numRuns: 2000 },
    )
  })

  it('of drafts with blocks of no length, too large a length, or half a block are refused', () => {
    const lengths = [0, blockBytesMax + 1]
    const parts = lengths.map((length) => {
      const bytes = Buffer.alloc(72, 1)
      bytes.writeUInt32BE(1000, 32)
      bytes.writeUInt32BE(length, 68)
      return new Uint8Array(bytes)
    })
    const id = blockHashFromBytes(new Uint8Array(32))
    for (const wrong of [...parts, new Uint8Array(35)]) {
      const draft = { id, path: parseRelativePath('a'), sizeBytes: 5000, first: 0, blocks: wrong, isOver: false }
      expect(() => decodeSyncMessage(encodeSyncMessage({ type: 'draft', draft }))).toThrow(P2psyncError)
    }
  })

  it('of a later version are none that we know', () => {
    expect(decodeSyncMessage(Uint8Array.of(8, 1, 2, 3))).toEqual({ type: 'unknown' })
  })

  it('that ask for too much are refused', () => {
    const paths = Array.from({ length: questionPathsMax + 1 }, (_, i) => parseRelativePath(`p${i}`))
    const frame = encodeSyncMessage({ type: 'ask', id: 1, question: { kind: 'records', paths } })
    expect(() => decodeSyncMessage(frame)).toThrow(P2psyncError)
  })

  it('that answer about more nodes than can be asked for are refused', () => {
    const answerOf = (length: number): Uint8Array => {
      const nodes = Array.from({ length }, () => [])
      return encodeSyncMessage({ type: 'answer', id: 1, answer: { kind: 'children', nodes } })
    }
    expect(decodeSyncMessage(answerOf(questionNodesMax)).type).toBe('answer')
    expect(() => decodeSyncMessage(answerOf(questionNodesMax + 1))).toThrow(P2psyncError)
  })

  it('of a later protocol are told apart', () => {
    expect(decodeSyncMessage(Uint8Array.of(99, 1, 2))).toEqual({ type: 'unknown' })
  })
})

function expectOurError(decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    expect(error).toBeInstanceOf(P2psyncError)
  }
}

function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, field: unknown) => {
      if (typeof field === 'bigint') return `${field}n`
      return ArrayBuffer.isView(field) ? Buffer.from(field as Uint8Array).toString('hex') : field
    }).replaceAll(/\{"type":"Buffer","data":\[[^\]]*\]\}/g, (text) => {
      const { data } = JSON.parse(text) as { data: number[] }
      return JSON.stringify(Buffer.from(data).toString('hex'))
    }),
  )
}
