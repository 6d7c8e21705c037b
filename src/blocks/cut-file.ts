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
  const { sizeBytes, cutter, slice, earlier = null } = options
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
    for (;;) {
      const expected = earlier?.expected(offset, sizeBytes) ?? null
      const found = expected === null ? null : cutter.peek(expected.length)
      if (expected !== null && found === null) break
      const isExpected = found !== null && hashOfBlock(found) === expected?.hash
      if (isExpected) cutter.take(found.length)
      const block = isExpected ? found : cutter.next(atEnd)
      if (block === null) break
      const hash = isExpected ? expected.hash : earlier === null ? null : hashOfBlock(block)
      if (isExpected) earlier?.came()
      else if (hash !== null) earlier?.cut(hash)
      if (!onBlock(block, offset, hash)) return false
      offset += block.length
    }
    if (slice.spend(got)) yield
  }
  return true
}
