import { blockBytesMax } from '../model/limits.ts'
import type { Disk } from '../ports/disk.ts'
import type { BlockRead, BlockReads } from '../ports/file-tasks.ts'
import { arrayOver, ownsBuffer } from '../model/reused-buffer.ts'
import { hashBlock } from './hash.ts'
import { SourceReader } from './source-reader.ts'
import { WorkSlice } from './work-slice.ts'

/**
 * Reads blocks of the folder at `root` and packs those whose hash is right, in the order of `requests`, into one array
 * over a buffer of its own, or over that of `into`. Order requests by path: the file of the last one stays open. Yields after each slice
 * of work.
 */
export function* readBlocks(
  disk: Disk,
  root: string,
  requests: readonly BlockRead[],
  into?: Uint8Array,
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
  // Only what was read and found right leaves: the rest of the array may be of an earlier use.
  return { bytes: length === bytes.length ? bytes : bytes.slice(0, length), found }
}

function isInBounds({ offset, length }: BlockRead): boolean {
  const isBlock = Number.isInteger(length) && length >= 0 && length <= blockBytesMax
  return isBlock && Number.isSafeInteger(offset) && offset >= 0
}

function readBlock(sources: SourceReader, request: BlockRead, target: Uint8Array): boolean {
  return sources.read(request.path, request.offset, target) && hashBlock(target) === request.hash
}
