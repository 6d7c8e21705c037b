import { blockHashBytes, blockHashFromBytes, blockHashToBytes, type BlockHash } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import { blockBytesMax, blockListBytesMax, fileSizeBytesMax, pathBytesMax } from '../model/limits.ts'
import { parseRelativePath, type RelativePath } from '../model/relative-path.ts'
import { WireReader } from '../model/wire-reader.ts'
import { WireWriter } from '../model/wire-writer.ts'
import type { BlockEncoding, PackedBytes } from '../ports/packing.ts'

/**
 * The frames of `/p2psync/blocks/1.0.0`. Requests go one way, replies the other, in the same order. A reply is a u32
 * length, a protocol-buffers header of that length, and the found blocks one after the other, which may be packed into
 * one zstd frame for a peer that accepts that. See PROTOCOL.md.
 */
export type BlockRequest =
  /** Blocks, named by their hashes; which file holds them, and where, is a hint. */
  | { readonly type: 'blocks'; readonly wants: readonly FileWant[] }
  /** A part, in bytes, of the block list whose hash is `content`, or of its short form. */
  | {
      readonly type: 'list'
      readonly content: BlockHash
      readonly isShort: boolean
      readonly offset: number
      readonly length: number
    }

export interface FileWant {
  readonly path: RelativePath
  readonly content: BlockHash
  readonly blocks: readonly WantedBlock[]
}

export interface WantedBlock {
  readonly hash: BlockHash
  readonly offset: number
  readonly length: number
}

export interface BlockReply {
  /** For each block in the order of the request (one for a list): whether it is here. */
  readonly found: readonly boolean[]
  readonly frame: Uint8Array
  /** The part of `frame` to unpack; null when the blocks are in it as they are. */
  readonly packed: PackedBytes | null
  /** Where the found blocks begin and end: in `frame`, or in what `packed` unpacks to. */
  readonly bytesAt: number
  readonly bytesEnd: number
}

/** The bounds of one request, so that its reply fits a frame. */
const requestBytesMax = blockBytesMax
const requestBlocksMax = 1024
export const listPartBytesMax = 1024 * 1024

const wantedBlockBytes = 8 + 4 + blockHashBytes

/** The encodings that have a number on the wire; 0 is none. A peer's number that we do not know is none, too. */
const zstdNumber = 1

/**
 * `received`: how many replies the sender of the request has got on this stream. `accepts`: how the reply may be encoded;
 * a block list never is.
 */
export function encodeBlockRequest(
  request: BlockRequest,
  received: number,
  accepts: BlockEncoding = 'none',
): Uint8Array {
  if (request.type === 'list') {
    return new WireWriter()
      .bytes(2, blockHashToBytes(request.content))
      .uint(3, request.offset)
      .uint(4, request.length)
      .uint(5, received)
      .bool(7, request.isShort)
      .finish()
  }
  const writer = new WireWriter(32 * 1024)
  for (const { path, content, blocks } of request.wants) {
    scratch.clear().string(1, path).base64(2, content).bytes(3, packBlocks(blocks))
    writer.element(1, scratch.written)
  }
  return writer
    .uint(5, received)
    .uint(6, accepts === 'zstd' ? zstdNumber : 0)
    .finish()
}

export interface ReceivedRequest {
  readonly request: BlockRequest
  readonly received: number
  readonly accepts: BlockEncoding
}

/** @throws {P2psyncError} `bad-message` or `bad-path` when it is malformed or asks for more than a reply may hold. */
export function decodeBlockRequest(frame: Uint8Array): ReceivedRequest {
  const reader = new WireReader(frame)
  const wants: FileWant[] = []
  let content: BlockHash | null = null
  let offset = 0
  let length = 0
  let received = 0
  let accepts: BlockEncoding = 'none'
  let isShort = false
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) wants.push(decodeFileWant(new WireReader(reader.bytes(frame.length))))
    else if (field === 2) content = blockHashFromBytes(reader.bytes(blockHashBytes))
    else if (field === 3) offset = reader.uint(blockListBytesMax)
    else if (field === 4) length = reader.uint(listPartBytesMax)
    else if (field === 5) received = reader.uint()
    else if (field === 6) accepts = reader.uint() === zstdNumber ? 'zstd' : 'none'
    else if (field === 7) isShort = reader.bool()
    else reader.skip()
  }
  if (content !== null) {
    return { request: { type: 'list', content, isShort, offset, length }, received, accepts: 'none' }
  }
  let blocks = 0
  let bytes = 0
  for (const want of wants) {
    blocks += want.blocks.length
    for (const block of want.blocks) bytes += block.length
  }
  if (blocks > requestBlocksMax || bytes > requestBytesMax) {
    throw new P2psyncError('bad-message', 'a request for more blocks than a reply may hold')
  }
  return { request: { type: 'blocks', wants }, received, accepts }
}

/** The header of a reply, to be sent before the bytes. `packedLength`: what those unpack to, when they are packed. */
export function encodeReplyHeader(found: readonly boolean[], packedLength: number | null = null): Uint8Array {
  const flags = new Uint8Array(found.length)
  for (let i = 0; i < found.length; i++) flags[i] = found[i] === true ? 1 : 0
  const writer = new WireWriter(flags.length + 16).bytes(1, flags)
  if (packedLength !== null) writer.uint(2, zstdNumber).uint(3, packedLength)
  const body = writer.finish()
  const header = Buffer.alloc(4 + body.length)
  header.writeUInt32BE(body.length)
  header.set(body, 4)
  return header
}

/**
 * Takes over `frame`, the reply to a request for `expected` blocks. `unpackedBytesMax` is how many bytes that request asked
 * for, when it accepted zstd, else 0.
 *
 * @throws {P2psyncError} `bad-message`, also for a reply that is packed and was not to be, or says that it unpacks to more.
 */
export function decodeBlockReply(frame: Uint8Array, expected: number, unpackedBytesMax = 0): BlockReply {
  if (frame.length < 4) throw new P2psyncError('bad-message', 'a block reply without a header')
  const length = Buffer.from(frame.buffer, frame.byteOffset, 4).readUInt32BE()
  if (length > frame.length - 4) throw new P2psyncError('bad-message', 'a block reply with a broken header')
  const reader = new WireReader(frame.subarray(4, 4 + length))
  let flags: Uint8Array = new Uint8Array(0)
  let encoding = 0
  let unpackedBytes = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) flags = reader.bytes(requestBlocksMax)
    else if (field === 2) encoding = reader.uint(unpackedBytesMax > 0 ? zstdNumber : 0)
    else if (field === 3) unpackedBytes = reader.uint(unpackedBytesMax)
    else reader.skip()
  }
  if (flags.length !== expected) throw new P2psyncError('bad-message', 'a block reply for another request')
  const found = Array.from(flags, (flag) => flag === 1)
  const at = 4 + length
  if (encoding === 0) return { found, frame, packed: null, bytesAt: at, bytesEnd: frame.length }
  return { found, frame, packed: { at, length: unpackedBytes }, bytesAt: 0, bytesEnd: unpackedBytes }
}

/** One for all wants: each is copied before the next begins. */
const scratch = new WireWriter(4096)

function packBlocks(blocks: readonly WantedBlock[]): Uint8Array {
  const packed = Buffer.allocUnsafe(blocks.length * wantedBlockBytes)
  let at = 0
  for (const { offset, length, hash } of blocks) {
    packed.writeUInt32BE(Math.floor(offset / 2 ** 32), at)
    packed.writeUInt32BE(offset >>> 0, at + 4)
    packed.writeUInt32BE(length, at + 8)
    packed.write(hash, at + 12, blockHashBytes, 'base64url')
    at += wantedBlockBytes
  }
  return packed
}

function decodeFileWant(reader: WireReader): FileWant {
  let path: RelativePath | null = null
  let content: BlockHash | null = null
  let packed: Uint8Array = new Uint8Array(0)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) path = parseRelativePath(reader.string(pathBytesMax))
    else if (field === 2) content = blockHashFromBytes(reader.bytes(blockHashBytes))
    else if (field === 3) packed = reader.bytes(requestBlocksMax * wantedBlockBytes)
    else reader.skip()
  }
  if (path === null || content === null || packed.length % wantedBlockBytes !== 0) {
    throw new P2psyncError('bad-message', 'a want without its path, content or blocks')
  }
  return { path, content, blocks: unpackBlocks(Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)) }
}

function unpackBlocks(packed: Buffer): WantedBlock[] {
  const blocks: WantedBlock[] = []
  for (let at = 0; at < packed.length; at += wantedBlockBytes) {
    const offset = packed.readUInt32BE(at) * 2 ** 32 + packed.readUInt32BE(at + 4)
    const length = packed.readUInt32BE(at + 8)
    if (offset > fileSizeBytesMax || length > blockBytesMax)
      throw new P2psyncError('bad-message', 'a want out of bounds')
    blocks.push({ offset, length, hash: blockHashFromBytes(packed.subarray(at + 12, at + wantedBlockBytes)) })
  }
  return blocks
}
