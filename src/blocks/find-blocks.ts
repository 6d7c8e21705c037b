import type { BlockHash } from '../model/block-hash.ts'
import { isSingleBlock } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Disk, FileHandle } from '../ports/disk.ts'
import type { FoundBlock } from '../ports/file-tasks.ts'
import { borrowCutter, returnCutter } from './block-cutter.ts'
import { chunkParameters } from './chunk-parameters.ts'
import { cutFile } from './cut-file.ts'
import { isDiskTrouble } from './disk-trouble.ts'
import { hashBlock } from './hash.ts'
import { readFully } from './read-fully.ts'
import { SourceReader } from './source-reader.ts'
import { WorkSlice } from './work-slice.ts'

/**
 * Which of `hashes` the file at `path` holds when it is cut as its sender cut a file of `sizeBytes`: each at most once,
 * in the order of the file. A hint: whoever copies a block checks it again. A file that cannot be read holds what was
 * found until then. Yields after each slice of work.
 */
export function* findBlocks(
  disk: Disk,
  root: string,
  path: RelativePath,
  sizeBytes: number,
  hashes: readonly BlockHash[],
): Generator<void, readonly FoundBlock[]> {
  const found: FoundBlock[] = []
  const wanted = new Set(hashes)
  const onBlock = (block: Uint8Array, offset: number) => {
    const hash = hashBlock(block)
    if (wanted.delete(hash)) found.push({ hash, offset, length: block.length })
    return wanted.size > 0
  }
  const sources = new SourceReader(disk, root)
  try {
    const handle = sources.open(path)
    if (handle !== null) yield* cutAs(disk, handle, sizeBytes, onBlock)
  } catch (error) {
    if (!isDiskTrouble(error)) throw error
  } finally {
    sources.close()
  }
  return found
}

type OnBlock = (block: Uint8Array, offset: number) => boolean

function* cutAs(disk: Disk, handle: FileHandle, sizeBytes: number, onBlock: OnBlock): Generator<void, void> {
  const entry = disk.fstat(handle)
  if (entry.kind !== 'file') return
  if (isSingleBlock(sizeBytes)) {
    const block = new Uint8Array(sizeBytes)
    if (entry.sizeBytes >= sizeBytes && readFully(disk, handle, block, 0) === sizeBytes) onBlock(block, 0)
    return
  }
  const cutter = borrowCutter()
  try {
    const parameters = chunkParameters(sizeBytes)
    const options = { sizeBytes: entry.sizeBytes, parameters, cutter, slice: new WorkSlice() }
    yield* cutFile(disk, handle, options, onBlock)
  } finally {
    returnCutter(cutter)
  }
}
