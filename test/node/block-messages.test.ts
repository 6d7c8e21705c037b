import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { P2psyncError } from '../../src/model/errors.ts'
import { blockBytesMax, fileSizeBytesMax } from '../../src/model/limits.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { WireWriter } from '../../src/model/wire-writer.ts'
import {
  decodeBlockReply,
  decodeBlockRequest,
  encodeBlockRequest,
  encodeReplyHeader,
  listPartBytesMax,
  type BlockRequest,
} from '../../src/node/block-messages.ts'

const hash = fc.nat({ max: 255 }).map((byte) => hashBlock(Uint8Array.of(byte)))
const block = fc.record({ hash, offset: fc.nat({ max: fileSizeBytesMax }), length: fc.nat({ max: 1000 }) })
const want = fc.record({
  path: fc.constantFrom('a', 'd/ä').map(parseRelativePath),
  content: hash,
  blocks: fc.array(block, { maxLength: 9 }),
})
const request: fc.Arbitrary<BlockRequest> = fc.oneof(
  fc.record({ type: fc.constant('blocks' as const), wants: fc.array(want, { maxLength: 5 }) }),
  fc.record({
    type: fc.constant('list' as const),
    content: hash,
    isShort: fc.boolean(),
    offset: fc.nat({ max: 1000 }),
    length: fc.nat({ max: listPartBytesMax }),
  }),
)

const encoding = fc.constantFrom('none' as const, 'zstd' as const)

describe('block messages', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(request, fc.nat(), encoding, (sent, received, accepts) => {
        expect(decodeBlockRequest(encodeBlockRequest(sent, received, accepts))).toEqual({
          request: sent,
          received,
          accepts: sent.type === 'list' ? 'none' : accepts,
        })
      }),
    )
  })

  it('ask for nothing packed when they are those of an older device, or name an encoding that we do not know', () => {
    const sent: BlockRequest = { type: 'blocks', wants: [] }
    expect(decodeBlockRequest(new WireWriter().uint(5, 3).finish())).toEqual({
      request: sent,
      received: 3,
      accepts: 'none',
    })
    expect(decodeBlockRequest(new WireWriter().uint(6, 2).finish()).accepts).toBe('none')
    expect(encodeBlockRequest(sent, 3)).toEqual(new WireWriter().uint(5, 3).finish())
  })

  it('carry which blocks were found, and where their bytes begin', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 50 }), fc.uint8Array(), (found, bytes) => {
        const frame = Buffer.concat([encodeReplyHeader(found), bytes])
        const reply = decodeBlockReply(frame, found.length)
        expect(reply.found).toEqual(found)
        expect(Uint8Array.from(frame.subarray(reply.bytesAt, reply.bytesEnd))).toEqual(bytes)
        expect(reply.packed).toBe(null)
        expect(() => decodeBlockReply(frame, found.length + 1)).toThrow(P2psyncError)
      }),
    )
  })

  it('carry what the bytes unpack to, when they are packed', () => {
    const lengths = fc.nat({ max: blockBytesMax }).chain((max) => fc.tuple(fc.nat({ max }), fc.constant(max + 1)))
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 50 }),
        lengths,
        fc.uint8Array(),
        (found, [length, asked], bytes) => {
          const frame = Buffer.concat([encodeReplyHeader(found, length), bytes])
          const reply = decodeBlockReply(frame, found.length, asked)
          expect(reply).toMatchObject({ found, bytesAt: 0, bytesEnd: length })
          expect(reply.packed?.length).toBe(length)
          expect(Uint8Array.from(frame.subarray(reply.packed!.at))).toEqual(bytes)
        },
      ),
    )
  })

  it('that are packed are refused when that was not asked for, or when they unpack to more than was', () => {
    const frame = encodeReplyHeader([true], 1000)
    expect(decodeBlockReply(frame, 1, 1000).bytesEnd).toBe(1000)
    expect(() => decodeBlockReply(frame, 1, 999)).toThrow(P2psyncError)
    expect(() => decodeBlockReply(frame, 1)).toThrow(P2psyncError)
    expect(() => decodeBlockReply(encodeReplyHeader([true], 0), 1)).toThrow(P2psyncError)
    expect(() => decodeBlockReply(replyWithEncoding(2), 1, 1000)).toThrow(P2psyncError)
  })

  it('are refused with an error of ours, or understood, whatever a peer sends', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), isCut: fc.boolean() })
    fc.assert(
      fc.property(request, change, fc.uint8Array({ maxLength: 100 }), (sent, { at, byte, isCut }, noise) => {
        const frame = encodeBlockRequest(sent, 1)
        const broken = isCut ? frame.slice(0, at % frame.length) : frame.slice()
        if (broken.length > 0) broken[at % broken.length] = byte
        for (const bytes of [broken, noise]) {
          expectOurError(() => decodeBlockRequest(bytes))
          expectOurError(() => decodeBlockReply(bytes, 3))
          expectOurError(() => decodeBlockReply(bytes, 3, 1000))
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('that ask for more than a reply may hold are refused', () => {
    const wanted = { hash: hashBlock(Uint8Array.of(1)), offset: 0, length: 1 }
    const ask = (...files: (typeof wanted)[][]): Uint8Array => {
      const wants = files.map((blocks) => ({ path: parseRelativePath('a'), content: wanted.hash, blocks }))
      return encodeBlockRequest({ type: 'blocks', wants }, 0)
    }
    const many = Array.from({ length: 1025 }, () => wanted)
    expect(decodeBlockRequest(ask(many.slice(1), [])).request.type).toBe('blocks')
    expect(() => decodeBlockRequest(ask(many.slice(1), [wanted]))).toThrow(P2psyncError)
    const large = [{ ...wanted, length: blockBytesMax }, wanted]
    expect(() => decodeBlockRequest(ask(many))).toThrow(P2psyncError)
    expect(() => decodeBlockRequest(ask(large))).toThrow(P2psyncError)
    expect(() => decodeBlockRequest(ask([{ ...wanted, length: blockBytesMax + 1 }]))).toThrow(P2psyncError)
    expect(() => decodeBlockRequest(ask([{ ...wanted, offset: 2 ** 53 }]))).toThrow(P2psyncError)
  })
})

function replyWithEncoding(number: number): Uint8Array {
  const header = new WireWriter().bytes(1, Uint8Array.of(1)).uint(2, number).uint(3, 10).finish()
  const length = Buffer.alloc(4)
  length.writeUInt32BE(header.length)
  return Buffer.concat([length, header])
}

function expectOurError(decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    expect(error).toBeInstanceOf(P2psyncError)
  }
}
