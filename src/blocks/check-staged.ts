import type { RelativePath } from '../model/relative-path.ts'
import type { Disk, FileHandle } from '../ports/disk.ts'
import { BlockList } from './block-list.ts'
import { takeFromOtherVersion } from './take-from-other-version.ts'
import { unlessDiskTrouble } from './disk-trouble.ts'
import { hashBlock } from './hash.ts'
import { readFully } from './read-fully.ts'
import { SourceReader } from './source-reader.ts'
import { beginStaged, stagedPath } from './staged-file.ts'
import { WorkSlice } from './work-slice.ts'
import { isZeros, zeroBlocks } from './zero-blocks.ts'

/**
 * Begins a staged file, or goes on with what an earlier try has left of it: one byte for each block of the encoded
 * `list`, 1 where the file holds that block. What it holds is read and hashed, for a kill leaves torn blocks; but for those
 * that are 1 in `trusted`.
 * Blocks of zeros are made, as holes where nothing was written yet: they are always 1. A file that begins gets what is
 * staged of another version of its path. Yields after each slice of work.
 *
 * @throws what the disk throws while it opens or writes the staged file; what cannot be read is 0.
 */
export function* checkStaged(
  disk: Disk,
  root: string,
  staged: string,
  list: Uint8Array,
  trusted: Uint8Array | null = null,
): Generator<void, Uint8Array> {
  const blocks = new BlockList(list)
  const isZero = zeroBlocks(blocks)
  const handle = beginStaged(disk, stagedPath(root, staged))
  try {
    const entry = disk.fstat(handle)
    const sizeBytes = entry.kind === 'file' ? entry.sizeBytes : 0
    const fileBytes = blocks.offsetAt(blocks.count)
    if (sizeBytes < fileBytes && isZero.includes(1)) disk.truncate(handle, fileBytes)
    const held = yield* checkBlocks({ disk, handle, sizeBytes, trusted }, blocks, isZero)
    if (sizeBytes === 0 && held.includes(0))
      yield* takeFromOtherVersion({ disk, root, staged }, handle, { blocks, held })
    return held
  } finally {
    disk.close(handle)
  }
}

/**
 * Makes a staged file that shares its bytes on disk with the file at `source`, in place of what was staged under that
 * name, and checks it as {@link checkStaged}. Null, and nothing is changed, where the file system cannot share bytes or
 * `source` cannot be read: copying block by block is then no slower than copying by the system.
 *
 * @throws what the disk throws while it opens or writes the staged file.
 */
export function* stageCopy(
  disk: Disk,
  root: string,
  { source, staged, list }: { readonly source: RelativePath; readonly staged: string; readonly list: Uint8Array },
): Generator<void, Uint8Array | null> {
  const target = stagedPath(root, staged)
  const copy = stagedPath(root, `${staged}-copy`)
  const sources = new SourceReader(disk, root)
  const isCloned = unlessDiskTrouble(() => {
    if (disk.lstat(copy) !== null) disk.unlink(copy)
    const from = sources.locate(source)
    if (from === null || !disk.cloneFile(from, copy)) return false
    disk.rename(copy, target)
    return true
  })
  return isCloned === true ? yield* checkStaged(disk, root, staged, list) : null
}

interface StagedFile {
  readonly disk: Disk
  readonly handle: FileHandle
  /** What it held when it was opened: all behind is a hole. */
  readonly sizeBytes: number
  /** 1 for blocks that this process has checked and written itself. */
  readonly trusted: Uint8Array | null
}

function* checkBlocks(file: StagedFile, blocks: BlockList, isZero: Uint8Array): Generator<void, Uint8Array> {
  const held = new Uint8Array(blocks.count)
  const slice = new WorkSlice()
  let buffer = new Uint8Array(0)
  for (let i = 0; i < blocks.count; i++) {
    const [offset, length] = [blocks.offsetAt(i), blocks.lengthAt(i)]
    if (isZero[i] === 1) held[i] = 1
    const isWhole = offset + length <= file.sizeBytes
    if (!isWhole && (isZero[i] === 0 || offset >= file.sizeBytes)) continue
    if (isWhole && file.trusted?.[i] === 1) {
      held[i] = 1
      continue
    }
    if (buffer.length < length) buffer = new Uint8Array(length)
    const block = buffer.subarray(0, length)
    const isRead = unlessDiskTrouble(() => readFully(file.disk, file.handle, block, offset)) === length
    if (isZero[i] === 1) {
      if (!isRead || !isZeros(block)) file.disk.write(file.handle, block.fill(0), offset)
      // Zeros here are a hole that was not filled: that need not be hashed.
    } else if (isRead && !isZeros(block) && hashBlock(block) === blocks.hashAt(i)) held[i] = 1
    if (slice.spend(length)) yield
  }
  return held
}
