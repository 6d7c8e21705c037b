import { blockBytesMax } from '../model/limits.ts'
import type { Disk } from '../ports/disk.ts'
import type { BlockRead, BlockReads } from '../ports/file-tasks.ts'
import type { PackOrder } from '../ports/packing.ts'
import { arrayOver, ownsBuffer } from '../model/reused-buffer.ts'
import { hashBlock } from './hash.ts'
import { packAsOrdered } from './pack-bytes.ts'
import { SourceReader } from './source-reader.ts'
import { WorkSlice } from './work-slice.ts'

export interface ReadBlocksOptions {
  /** Its buffer may be used for the result. */
  readonly into?: Uint8Array | undefined
  /** `now` counts milliseconds. */
  readonly packing?: { readonly order: PackOrder; readonly now: () => number } | null
}

/**
 * Reads blocks of the folder at `root` and puts those whose hash is right, in the order of `requests`, into one array
 * over a buffer of its own, or over that of `into`; then packs them if that was ordered and they shrink. Order requests by
 * path: the file of the last one stays open. Yields after each slice of work.
 */
export function* readBlocks(
  disk: Disk,
  root: string,
  requests: readonly BlockRead[],
  { into, packing = null }: ReadBlocksOptions = {},
): Generator<void, BlockReads> {
  const lengthMax = requests.reduce((sum, request) => sum + (isInBounds(request) ? request.length : 0), 0)
  const bytes = arrayOver(into !== undefined && ownsBuffer(into) ? into.buffer : null, lengthMax)
  const found: boolean[] = []
  const sources = new SourceReader(disk, root)
  const slice = new WorkSlice()
  let length = 0
  try {
    for (const request of requests) {
      const isFound =
        isInBounds(request) && readBlock(sources, request, bytes.subarray(length, length + request.length))
      found.push(isFound)
      if (isFound) length += request.length
      if (slice.spend(request.length)) yield
    }
  } finally {
    sources.close()
  }
  const { packed, trial } =
    packing === null
      ? { packed: null, trial: null }
      : yield* packAsOrdered(bytes.subarray(0, length), packing.order, packing.now)
  if (packed !== null) {
    // Into the same buffer, so that it goes round as if nothing had been packed.
    const target = arrayOver(bytes.buffer, packed.length)
    target.set(packed)
    return { bytes: target, found, encoding: 'zstd', rawBytes: length, trial }
  }
  // Only what was read and found right leaves: the rest of the array may be of an earlier use.
  const read = length === bytes.length ? bytes : bytes.slice(0, length)
  return { bytes: read, found, encoding: 'none', rawBytes: length, trial }
}

function isInBounds({ offset, length }: BlockRead): boolean {
  const isBlock = Number.isInteger(length) && length >= 0 && length <= blockBytesMax
  return isBlock && Number.isSafeInteger(offset) && offset >= 0
}

function readBlock(sources: SourceReader, request: BlockRead, target: Uint8Array): boolean {
  return sources.read(request.path, request.offset, target) && hashBlock(target) === request.hash
}
