import { blockBytesMax } from '../model/limits.ts'
import type { Disk } from '../ports/disk.ts'
import type { BlockRead, BlockReads } from '../ports/file-tasks.ts'
import { hashBlock } from './hash.ts'
import { SourceReader } from './source-reader.ts'
import { WorkSlice } from './work-slice.ts'

/**
 * Reads blocks of the folder at `root` and packs those whose hash is right, in the order of `requests`, into one fresh
 * array over a buffer of its own. Order requests by path: the file of the last one stays open. Yields after each slice
 * of work.
 */
export function* readBlocks(disk: Disk, root: string, requests: readonly BlockRead[]): Generator<void, BlockReads> {
  // Zeroed, never `allocUnsafe`: these bytes are on their way to a peer.
  const bytes = new Uint8Array(requests.reduce((sum, request) => sum + (isInBounds(request) ? request.length : 0), 0))
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
  return { bytes: length === bytes.length ? bytes : bytes.slice(0, length), found }
}

function isInBounds({ offset, length }: BlockRead): boolean {
  const isBlock = Number.isInteger(length) && length >= 0 && length <= blockBytesMax
  return isBlock && Number.isSafeInteger(offset) && offset >= 0
}

function readBlock(sources: SourceReader, request: BlockRead, target: Uint8Array): boolean {
  return sources.read(request.path, request.offset, target) && hashBlock(target) === request.hash
}
