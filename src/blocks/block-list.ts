import { blockHashBytes, blockHashFromBytes, blockHashToBytes, type BlockHash } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import { blockBytesMax, blockListBytesMax } from '../model/limits.ts'
import { chunkParameters } from './chunk-parameters.ts'

/**
 * The encoded block list of a file: `P2BL`, the version (1), the id of the hash (0x1e, BLAKE3), then 36 bytes a block in
 * the order of the file: its hash (32) and its length (4, big-endian). Its own hash is the content id of the file.
 */
export const listHeader = Uint8Array.of(0x50, 0x32, 0x42, 0x4c, 1, 0x1e)
/** What one block takes up in a list. */
export const entryBytes = blockHashBytes + 4

/** No list of a file of this size is longer, in bytes. */
export function listBytesMax(sizeBytes: number): number {
  const blocks = Math.ceil(sizeBytes / chunkParameters(sizeBytes).minBytes) + 1
  return Math.min(listHeader.length + blocks * entryBytes, blockListBytesMax)
}

/** The largest number of blocks of one file. */
export const blockCountMax = Math.floor((blockListBytesMax - listHeader.length) / entryBytes)

/** The blocks of one file in order. */
export class BlockList {
  readonly count: number
  readonly #encoded: DataView
  readonly #offsets: Float64Array

  /** `encoded` must be well formed ({@link decodeBlockList}) and is kept. */
  constructor(encoded: Uint8Array) {
    this.count = (encoded.length - listHeader.length) / entryBytes
    this.#encoded = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength)
    this.#offsets = new Float64Array(this.count + 1)
    for (let i = 0; i < this.count; i++) this.#offsets[i + 1] = this.#offsets[i]! + this.lengthAt(i)
  }

  hashAt(index: number): BlockHash {
    return blockHashFromBytes(this.hashBytesAt(index))
  }

  /** The 32 bytes of that hash: a view. */
  hashBytesAt(index: number): Uint8Array {
    const at = this.#encoded.byteOffset + listHeader.length + index * entryBytes
    return new Uint8Array(this.#encoded.buffer, at, blockHashBytes)
  }

  lengthAt(index: number): number {
    return this.#encoded.getUint32(listHeader.length + index * entryBytes + blockHashBytes)
  }

  /** Where the block starts in the file; at `count`, the size of the file. */
  offsetAt(index: number): number {
    return this.#offsets[index]!
  }
}

/** Collects the blocks of a file in order. */
export class BlockListWriter {
  #bytes = new Uint8Array(listHeader.length + 64 * entryBytes)
  #length = listHeader.length

  constructor() {
    this.#bytes.set(listHeader)
  }

  get count(): number {
    return (this.#length - listHeader.length) / entryBytes
  }

  add(hash: BlockHash, lengthBytes: number): void {
    if (this.#length + entryBytes > this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2)
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    this.#bytes.set(blockHashToBytes(hash), this.#length)
    new DataView(this.#bytes.buffer).setUint32(this.#length + blockHashBytes, lengthBytes)
    this.#length += entryBytes
  }

  /** The entries of the blocks from `index` on, 36 bytes each, in a fresh array. */
  entriesFrom(index: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(listHeader.length + index * entryBytes, this.#length)
  }

  /** The encoded list in a fresh array. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}

/** The encoded list of these blocks, in their order, in a fresh array. */
export function encodeBlockList(blocks: Iterable<{ readonly hash: BlockHash; readonly length: number }>): Uint8Array {
  const writer = new BlockListWriter()
  for (const block of blocks) writer.add(block.hash, block.length)
  return writer.finish()
}

/**
 * Reads the list of a file of `sizeBytes` from a peer or the index. Keeps `bytes`, which must not change afterwards.
 *
 * @throws {P2psyncError} `bad-message` unless it is exactly what {@link encodeBlockList} writes for a file of that size.
 */
export function decodeBlockList(bytes: Uint8Array, sizeBytes: number): BlockList {
  if (bytes.length > blockListBytesMax) throw bad(`has ${bytes.length} bytes where ${blockListBytesMax} are the most`)
  if (bytes.length < listHeader.length || listHeader.some((byte, i) => bytes[i] !== byte))
    throw bad('has an unknown header')
  if ((bytes.length - listHeader.length) % entryBytes !== 0) throw bad('ends in the middle of a block')
  const list = new BlockList(bytes)
  for (let i = 0; i < list.count; i++) {
    const length = list.lengthAt(i)
    if (length === 0 || length > blockBytesMax) throw bad(`has a block of ${length} bytes`)
  }
  if (list.offsetAt(list.count) !== sizeBytes) {
    throw bad(`is of a file of ${list.offsetAt(list.count)} bytes where ${sizeBytes} were announced`)
  }
  return list
}

function bad(what: string): P2psyncError {
  return new P2psyncError('bad-message', `a block list ${what}`)
}
