import type { Disk, FileHandle } from '../ports/disk.ts'
import type { BlockHash } from '../model/block-hash.ts'
import type { BlockCutter } from './block-cutter.ts'
import type { ChunkParameters } from './chunk-parameters.ts'
import type { EarlierBlocks } from './earlier-blocks.ts'
import { readFully } from './read-fully.ts'
import type { WorkSlice } from './work-slice.ts'
import { hashOfBlock } from './zero-blocks.ts'

export interface CutFileOptions {
  readonly sizeBytes: number
  readonly parameters: ChunkParameters
  readonly cutter: BlockCutter
  readonly slice: WorkSlice
  /** Blocks are looked for there first. Must have been cut with the same parameters. */
  readonly earlier?: EarlierBlocks | null
}

/** `hash` is null where nobody had to know it yet. The block is a view that is good during the call. */
export type OnBlock = (block: Uint8Array, offset: number, hash: BlockHash | null) => boolean

/**
 * Reads the first `sizeBytes` of a file once and calls `onBlock` with each block in order. `onBlock` ends the reading by
 * returning false. Yields after each slice of work.
 *
 * Returns whether all of the file was seen: false when it ended early or `onBlock` stopped it.
 */
export function* cutFile(
  disk: Disk,
  handle: FileHandle,
  options: CutFileOptions,
  onBlock: OnBlock,
): Generator<void, boolean> {
  const { sizeBytes, cutter, slice } = options
  cutter.start(options.parameters)
  let readBytes = 0
  let offset = 0
  while (readBytes < sizeBytes) {
    const space = cutter.space()
    const target = space.subarray(0, Math.min(space.length, sizeBytes - readBytes))
    const got = readFully(disk, handle, target, readBytes)
    if (got < target.length) return false
    readBytes += got
    cutter.filled(got)
    const atEnd = readBytes === sizeBytes
    for (let found = nextBlock(options, offset, atEnd); found !== null; found = nextBlock(options, offset, atEnd)) {
      if (!onBlock(found.block, offset, found.hash)) return false
      offset += found.block.length
    }
    if (slice.spend(got)) yield
  }
  return true
}

/** The block at `offset`, to which the cutter has come; null when more has to be read first, or nothing is left. */
function nextBlock(
  { sizeBytes, cutter, earlier = null }: CutFileOptions,
  offset: number,
  atEnd: boolean,
): { readonly block: Uint8Array; readonly hash: BlockHash | null } | null {
  const expected = earlier?.expected(offset, sizeBytes) ?? null
  if (expected !== null) {
    const block = cutter.peek(expected.length)
    if (block === null) return null
    if (hashOfBlock(block) === expected.hash) {
      cutter.take(block.length)
      earlier?.came()
      return { block, hash: expected.hash }
    }
  }
  const block = cutter.next(atEnd)
  if (block === null || earlier === null) return block && { block, hash: null }
  const hash = hashOfBlock(block)
  earlier.cut(hash)
  return { block, hash }
}
