import { createHash, hash } from 'node:crypto'
import type { BlockCutter } from '../blocks/block-cutter.ts'
import { blockCountMax } from '../blocks/block-list.ts'
import { chunkParameters } from '../blocks/chunk-parameters.ts'
import { cutFile } from '../blocks/cut-file.ts'
import { isDiskTrouble, readFailureReason } from '../blocks/disk-trouble.ts'
import { hashBlock } from '../blocks/hash.ts'
import { readFully } from '../blocks/read-fully.ts'
import type { WorkSlice } from '../blocks/work-slice.ts'
import { sameDiskState, type DiskState } from '../model/disk-state.ts'
import { systemCode } from '../model/errors.ts'
import { isSingleBlock } from '../model/file-record.ts'
import { fileSizeBytesMax } from '../model/limits.ts'
import type { Disk, FileHandle } from '../ports/disk.ts'
import { blockText } from './encode-manifest.ts'

export interface DigestRun {
  readonly disk: Disk
  readonly cutter: BlockCutter
  readonly slice: WorkSlice
  /** Whether blocks are wanted too. */
  readonly blocks: boolean
}

export type FileDigest =
  /** `blocks` as a manifest has them, or null where none are wanted. */
  | { readonly outcome: 'hashed'; readonly sha256: string; readonly blocks: string | null }
  /** It is not, or not any more, what was expected: look again. */
  | { readonly outcome: 'changed' }
  | { readonly outcome: 'gone' }
  | { readonly outcome: 'failed'; readonly reason: string }

/**
 * The SHA-256 of a file's bytes and the blocks that it is cut into, in one reading. It is of exactly what `expected`
 * says: a file that changes meanwhile has no digest. Yields after each slice of work; call `return()` to end it early.
 */
export function* digestFile(run: DigestRun, absolutePath: string, expected: DiskState): Generator<void, FileDigest> {
  if (run.blocks && expected.sizeBytes > fileSizeBytesMax) {
    return { outcome: 'failed', reason: 'it is larger than 1 TiB, and is not cut into blocks' }
  }
  let handle: FileHandle
  try {
    handle = run.disk.openRead(absolutePath)
  } catch (error) {
    return failure(error)
  }
  try {
    if (!isStill(run, handle, expected)) return { outcome: 'changed' }
    const digest = isSingleBlock(expected.sizeBytes)
      ? digestSmall(run, handle, expected.sizeBytes)
      : yield* digestLarge(run, handle, expected.sizeBytes)
    if (digest.outcome === 'hashed' && !isStill(run, handle, expected)) return { outcome: 'changed' }
    if (run.slice.spend(isSingleBlock(expected.sizeBytes) ? expected.sizeBytes : 0)) yield
    return digest
  } catch (error) {
    return failure(error)
  } finally {
    run.disk.close(handle)
  }
}

function isStill(run: DigestRun, handle: FileHandle, expected: DiskState): boolean {
  const found = run.disk.fstat(handle)
  return found.kind === 'file' && sameDiskState(found, expected)
}

function digestSmall(run: DigestRun, handle: FileHandle, sizeBytes: number): FileDigest {
  run.cutter.start(chunkParameters(sizeBytes))
  const bytes = run.cutter.space().subarray(0, sizeBytes)
  if (readFully(run.disk, handle, bytes, 0) < sizeBytes) return { outcome: 'changed' }
  const blocks = run.blocks ? (sizeBytes === 0 ? '' : blockText(hashBlock(bytes), sizeBytes)) : null
  return { outcome: 'hashed', sha256: hash('sha256', bytes, 'hex'), blocks }
}

function* digestLarge(run: DigestRun, handle: FileHandle, sizeBytes: number): Generator<void, FileDigest> {
  const sha256 = createHash('sha256')
  const blocks: string[] = []
  let isWhole: boolean
  if (run.blocks) {
    const options = { sizeBytes, parameters: chunkParameters(sizeBytes), cutter: run.cutter, slice: run.slice }
    isWhole = yield* cutFile(run.disk, handle, options, (block) => {
      if (blocks.length === blockCountMax) return false
      sha256.update(block)
      blocks.push(blockText(hashBlock(block), block.length))
      return true
    })
    if (!isWhole && blocks.length === blockCountMax) {
      return { outcome: 'failed', reason: 'it falls into too many blocks' }
    }
  } else {
    isWhole = yield* readWhole(run, handle, sizeBytes, (bytes) => sha256.update(bytes))
  }
  if (!isWhole) return { outcome: 'changed' }
  return {
    outcome: 'hashed',
    sha256: sha256.digest('hex'),
    blocks: run.blocks ? blocks.join(',') : null,
  }
}

function* readWhole(
  run: DigestRun,
  handle: FileHandle,
  sizeBytes: number,
  onBytes: (bytes: Uint8Array) => void,
): Generator<void, boolean> {
  run.cutter.start(chunkParameters(sizeBytes))
  for (let at = 0; at < sizeBytes;) {
    const space = run.cutter.space()
    const target = space.subarray(0, Math.min(space.length, sizeBytes - at))
    if (readFully(run.disk, handle, target, at) < target.length) return false
    onBytes(target)
    at += target.length
    if (run.slice.spend(target.length)) yield
  }
  return true
}

function failure(error: unknown): FileDigest {
  if (!isDiskTrouble(error)) throw error
  const code = systemCode(error)
  if (code === 'ENOENT' || code === 'ENOTDIR') return { outcome: 'gone' }
  // A symlink, a folder or a FIFO is there now.
  if (code === 'EINVAL' || code === 'ELOOP' || code === 'EISDIR') return { outcome: 'changed' }
  return { outcome: 'failed', reason: readFailureReason(error) }
}
