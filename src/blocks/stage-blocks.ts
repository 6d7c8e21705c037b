import { blockBytesMax } from '../model/limits.ts'
import type { Disk } from '../ports/disk.ts'
import type { LocalBlock, StagedBlock } from '../ports/file-tasks.ts'
import { hashBlock } from './hash.ts'
import { SourceReader } from './source-reader.ts'
import { StageWriter } from './staged-file.ts'
import { WorkSlice } from './work-slice.ts'

/**
 * Checks blocks from a peer against their hashes and writes the good ones into staged files of the folder at `root`. It
 * creates those that are missing (0600), but for resumable names, which `checkStaged` begins. For a wrong block the result
 * is false and nothing is written. Several blocks may name the same part of `bytes`. Yields after each slice of work.
 *
 * @throws what the disk throws while it writes (`ENOSPC`, ...): blocks before that one are written.
 */
export function* stageBlocks(
  disk: Disk,
  root: string,
  blocks: readonly StagedBlock[],
  bytes: Uint8Array,
): Generator<void, readonly boolean[]> {
  const writer = new StageWriter(disk, root)
  const slice = new WorkSlice()
  const results: boolean[] = []
  let checked: StagedBlock | null = null
  try {
    for (const block of blocks) {
      const isGood = (checked !== null && isSameBlock(checked, block)) || isBlockAt(bytes, block)
      results.push(isGood)
      if (isGood) {
        checked = block
        writer.write(block.staged, block.offset, bytes.subarray(block.at, block.at + block.length))
      }
      if (slice.spend(block.length)) yield
    }
  } finally {
    writer.close()
  }
  return results
}

/**
 * Copies blocks out of files of the folder at `root` into staged files, as {@link stageBlocks}: false where the bytes
 * are no longer there. Order blocks by source and by staged file: the last of each stays open.
 *
 * @throws what the disk throws while it writes.
 */
export function* stageLocal(
  disk: Disk,
  root: string,
  blocks: readonly LocalBlock[],
): Generator<void, readonly boolean[]> {
  const buffer = new Uint8Array(
    Math.min(
      blockBytesMax,
      blocks.reduce((max, block) => Math.max(max, block.length), 0),
    ),
  )
  const sources = new SourceReader(disk, root)
  const writer = new StageWriter(disk, root)
  const slice = new WorkSlice()
  const results: boolean[] = []
  try {
    for (const block of blocks) {
      const target = buffer.subarray(0, block.length)
      const isGood =
        block.length <= buffer.length &&
        sources.read(block.source, block.sourceOffset, target) &&
        hashBlock(target) === block.hash
      results.push(isGood)
      if (isGood) writer.write(block.staged, block.offset, target)
      if (slice.spend(block.length)) yield
    }
  } finally {
    sources.close()
    writer.close()
  }
  return results
}

function isSameBlock(a: StagedBlock, b: StagedBlock): boolean {
  return a.at === b.at && a.length === b.length && a.hash === b.hash
}

function isBlockAt(bytes: Uint8Array, { at, length, hash }: StagedBlock): boolean {
  return at >= 0 && length >= 0 && at + length <= bytes.length && hashBlock(bytes.subarray(at, at + length)) === hash
}
