import type { Disk, FileHandle } from '../ports/disk.ts'
import type { BlockCutter } from './block-cutter.ts'
import type { ChunkParameters } from './chunk-parameters.ts'
import { readFully } from './read-fully.ts'
import type { WorkSlice } from './work-slice.ts'

export interface CutFileOptions {
  readonly sizeBytes: number
  readonly parameters: ChunkParameters
  readonly cutter: BlockCutter
  readonly slice: WorkSlice
}

/**
 * Reads the first `sizeBytes` of a file once and calls `onBlock` with each block in order; a block is a view that is
 * good during the call. `onBlock` ends the reading by returning false. Yields after each slice of work.
 *
 * Returns whether all of the file was seen: false when it ended early or `onBlock` stopped it.
 */
export function* cutFile(
  disk: Disk,
  handle: FileHandle,
  options: CutFileOptions,
  onBlock: (block: Uint8Array, offset: number) => boolean,
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
    for (let block = cutter.next(atEnd); block !== null; block = cutter.next(atEnd)) {
      if (!onBlock(block, offset)) return false
      offset += block.length
    }
    if (slice.spend(got)) yield
  }
  return true
}
