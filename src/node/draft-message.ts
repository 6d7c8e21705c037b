import { blockCountMax, entryBytes } from '../blocks/block-list.ts'
import { blockHashBytes, blockHashFromBytes, blockHashToBytes, type BlockHash } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import { blockBytesMax, fileSizeBytesMax, pathBytesMax } from '../model/limits.ts'
import { parseRelativePath, type RelativePath } from '../model/relative-path.ts'
import type { WireReader } from '../model/wire-reader.ts'
import { WireWriter } from '../model/wire-writer.ts'

/** What a device has learned so far of a file that it is still hashing: no record, and no promise of one. */
export interface DraftMessage {
  /** Names this one reading of the file, among all of its sender's: in a request for blocks it stands for the content. */
  readonly id: BlockHash
  readonly path: RelativePath
  readonly sizeBytes: number
  /** The index of the first of `blocks` in the file. */
  readonly first: number
  /** 36 bytes each: hash (32), length (4, big-endian). */
  readonly blocks: Uint8Array
  /** Nothing more is told of it. Its record, if there is one, was told before. */
  readonly isOver: boolean
}

/** So many bytes of `blocks` go into one message. */
export const draftPartBytesMax = 256 * 1024

export function encodeDraft(draft: DraftMessage): Uint8Array {
  return new WireWriter(128 + draft.path.length + draft.blocks.length)
    .bytes(1, blockHashToBytes(draft.id))
    .string(2, draft.path)
    .uint(3, draft.sizeBytes)
    .uint(4, draft.first)
    .bytes(5, draft.blocks)
    .bool(6, draft.isOver)
    .finish()
}

/** @throws {P2psyncError} `bad-message` or `bad-path`. Keeps no reference to what is read. */
export function decodeDraft(reader: WireReader): DraftMessage {
  let id: BlockHash | null = null
  let path: RelativePath | null = null
  let sizeBytes = 0
  let first = 0
  let blocks = new Uint8Array(0)
  let isOver = false
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = blockHashFromBytes(reader.bytes(blockHashBytes))
    else if (field === 2) path = parseRelativePath(reader.string(pathBytesMax))
    else if (field === 3) sizeBytes = reader.uint(fileSizeBytesMax)
    else if (field === 4) first = reader.uint(blockCountMax)
    else if (field === 5) blocks = new Uint8Array(reader.bytes(draftPartBytesMax))
    else if (field === 6) isOver = reader.bool()
    else reader.skip()
  }
  if (id === null || path === null) throw new P2psyncError('bad-message', 'a draft without its id or path')
  if (blocks.length % entryBytes !== 0)
    throw new P2psyncError('bad-message', 'a draft that ends in the middle of a block')
  const view = new DataView(blocks.buffer)
  for (let at = blockHashBytes; at < blocks.length; at += entryBytes) {
    const length = view.getUint32(at)
    if (length === 0 || length > blockBytesMax) {
      throw new P2psyncError('bad-message', `a draft with a block of ${length} bytes`)
    }
  }
  return { id, path, sizeBytes, first, blocks, isOver }
}
