import type { BlockHash } from '../model/block-hash.ts'
import { sameDiskState, type DiskState } from '../model/disk-state.ts'
import { systemCode } from '../model/errors.ts'
import { isSingleBlock } from '../model/file-record.ts'
import { fileSizeBytesMax, singleBlockBytesMax } from '../model/limits.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Disk, DiskEntry, FileHandle } from '../ports/disk.ts'
import type { HashRequest, HashResult, HashTelling } from '../ports/file-tasks.ts'
import { borrowCutter, returnCutter } from './block-cutter.ts'
import { BlockList, blockCountMax, BlockListWriter } from './block-list.ts'
import { chunkParameters } from './chunk-parameters.ts'
import { cutFile } from './cut-file.ts'
import { isDiskTrouble, readFailureReason } from './disk-trouble.ts'
import { EarlierBlocks } from './earlier-blocks.ts'
import { hashBlock } from './hash.ts'
import { readFully } from './read-fully.ts'
import { WorkSlice } from './work-slice.ts'
import { hashOfBlock } from './zero-blocks.ts'

/**
 * Chunks and hashes files of the folder at `root` in one pass each. Results are in the order of `requests`; trouble with
 * one file is its result. Yields after each slice of work; call `return()` to end it early.
 *
 * 1. Open. Above 64 KiB, see by fstat that it is still the file which was asked for, before much is read in vain.
 * 2. Up to 64 KiB: read and hash. Above: cut into blocks, hash each, collect the list, hash that. No more is read than
 *    the size that was asked for.
 * 3. fstat: a file that is not as it was when it was asked for has no hash. Since that look came before the first byte
 *    was read, it covers all that happened since.
 */
export function* hashFiles(
  disk: Disk,
  root: string,
  requests: readonly HashRequest[],
  telling: HashTelling | null = null,
): Generator<void, readonly HashResult[]> {
  const run: Run = { disk, slice: new WorkSlice(), telling }
  const results: HashResult[] = []
  for (const request of requests) {
    const path = `${root}/${request.path}`
    const isSmall = isSingleBlock(request.disk.sizeBytes)
    results.push(isSmall ? hashSmallFile(disk, path, request) : yield* hashLargeFile(run, path, request))
    if (run.slice.spend(isSmall ? request.disk.sizeBytes : 0)) yield
  }
  return results
}

interface Run {
  readonly disk: Disk
  readonly slice: WorkSlice
  readonly telling: HashTelling | null
}

// Filled and hashed at one go, so that all jobs of a thread can share it.
const smallFile = new Uint8Array(singleBlockBytesMax)
const unchecked = { unchecked: true }

// No generator: making one takes a tenth of the time that a file of 4 KiB does.
function hashSmallFile(disk: Disk, absolutePath: string, { path, disk: expected }: HashRequest): HashResult {
  try {
    const handle = disk.openRead(absolutePath, unchecked)
    try {
      const target = smallFile.subarray(0, expected.sizeBytes)
      const isWhole = readFully(disk, handle, target, 0) === expected.sizeBytes
      if (!isWhole || !isStill(disk.fstat(handle), expected)) return { outcome: 'changed', path }
      return { outcome: 'hashed', path, disk: expected, content: hashBlock(target), blockList: null }
    } finally {
      disk.close(handle)
    }
  } catch (error) {
    return failure(path, error)
  }
}

function* hashLargeFile(run: Run, absolutePath: string, request: HashRequest): Generator<void, HashResult> {
  const { path, disk: expected } = request
  if (expected.sizeBytes > fileSizeBytesMax) return { outcome: 'failed', path, reason: 'it is larger than 1 TiB' }
  let handle: FileHandle
  try {
    handle = run.disk.openRead(absolutePath)
  } catch (error) {
    return failure(path, error)
  }
  try {
    if (!isStill(run.disk.fstat(handle), expected)) return { outcome: 'changed', path }
    const hashed = yield* hashLarge(run, handle, request)
    if (hashed === 'too-many-blocks') return { outcome: 'failed', path, reason: 'it falls into too many blocks' }
    if (hashed === 'short' || !isStill(run.disk.fstat(handle), expected)) return { outcome: 'changed', path }
    return { outcome: 'hashed', path, disk: expected, ...hashed }
  } catch (error) {
    return failure(path, error)
  } finally {
    run.disk.close(handle)
  }
}

function isStill(found: DiskEntry, expected: DiskState): boolean {
  return found.kind === 'file' && sameDiskState(found, expected)
}

interface Hashed {
  readonly content: BlockHash
  readonly blockList: Uint8Array | null
}

function* hashLarge(
  { disk, slice, telling }: Run,
  handle: FileHandle,
  { path, disk: { sizeBytes }, earlier }: HashRequest,
): Generator<void, Hashed | 'short' | 'too-many-blocks'> {
  const list = new BlockListWriter()
  const isTold = telling !== null && sizeBytes >= telling.sizeBytesMin
  let untoldBytes = 0
  let toldCount = 0
  const cutter = borrowCutter()
  try {
    const known = earlier === undefined ? null : new EarlierBlocks(new BlockList(earlier))
    const options = { sizeBytes, parameters: chunkParameters(sizeBytes), cutter, slice, earlier: known }
    const isWhole = yield* cutFile(disk, handle, options, (block, _, hash) => {
      if (list.count === blockCountMax) return false
      list.add(hash ?? hashOfBlock(block), block.length)
      untoldBytes += block.length
      if (!isTold || untoldBytes < telling.partBytes) return true
      telling.onBlocks(path, list.entriesFrom(toldCount))
      toldCount = list.count
      untoldBytes = 0
      return true
    })
    if (!isWhole) return list.count === blockCountMax ? 'too-many-blocks' : 'short'
  } finally {
    returnCutter(cutter)
  }
  const blockList = list.finish()
  return { content: hashBlock(blockList), blockList }
}

function failure(path: RelativePath, error: unknown): HashResult {
  if (!isDiskTrouble(error)) throw error
  const code = systemCode(error)
  if (code === 'ENOENT' || code === 'ENOTDIR') return { outcome: 'gone', path }
  // A symlink, a folder or a FIFO is there now.
  if (notRegularCodes.has(code)) return { outcome: 'changed', path }
  return { outcome: 'failed', path, reason: readFailureReason(error) }
}

const notRegularCodes: ReadonlySet<string> = new Set(['EINVAL', 'ELOOP', 'EISDIR', 'ENXIO', 'ESPIPE'])
