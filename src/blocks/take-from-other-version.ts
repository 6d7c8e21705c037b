import type { Disk, FileHandle } from '../ports/disk.ts'
import type { BlockList } from './block-list.ts'
import { unlessDiskTrouble } from './disk-trouble.ts'
import { hashBlock } from './hash.ts'
import { readFully } from './read-fully.ts'
import { stagedPath, stagingFolder } from './staged-file.ts'
import { isResumableName, pathPartOf } from './staged-name.ts'
import { WorkSlice } from './work-slice.ts'
import { writeSparse } from './write-sparse.ts'

/**
 * Writes into a staged file, which is open as `target`, the blocks that another version of the same path, of which an
 * earlier try has left something, holds at the same places; sets `held` to 1 for each. The other file is not changed, and
 * may be written to meanwhile: what is written here was hashed.
 *
 * @throws what the disk throws while it writes; what cannot be read is not taken.
 */
export function* takeFromOtherVersion(
  { disk, root, staged }: { readonly disk: Disk; readonly root: string; readonly staged: string },
  target: FileHandle,
  { blocks, held }: { readonly blocks: BlockList; readonly held: Uint8Array },
): Generator<void, void> {
  const other = unlessDiskTrouble(() => openOther(disk, root, staged))
  if (other === null) return
  const slice = new WorkSlice()
  let buffer = new Uint8Array(0)
  try {
    for (let i = 0; i < blocks.count && blocks.offsetAt(i + 1) <= other.sizeBytes; i++) {
      if (held[i] === 1) continue
      const [offset, length] = [blocks.offsetAt(i), blocks.lengthAt(i)]
      if (buffer.length < length) buffer = new Uint8Array(length)
      const block = buffer.subarray(0, length)
      const isRead = unlessDiskTrouble(() => readFully(disk, other.handle, block, offset)) === length
      if (isRead && hashBlock(block) === blocks.hashAt(i)) {
        writeSparse(disk, target, block, offset)
        held[i] = 1
      }
      if (slice.spend(length)) yield
    }
  } finally {
    disk.close(other.handle)
  }
}

/** The one that was written to last of the other versions; null when there is none. */
function openOther(disk: Disk, root: string, staged: string): { handle: FileHandle; sizeBytes: number } | null {
  if (!isResumableName(staged)) return null
  let newest: { path: string; ctimeNs: bigint } | null = null
  for (const { name } of disk.readFolder(`${root}/${stagingFolder}`)) {
    if (name === null || name === staged || !isResumableName(name)) continue
    if (pathPartOf(name) !== pathPartOf(staged)) continue
    const path = stagedPath(root, name)
    const entry = disk.lstat(path)
    if (entry?.kind !== 'file' || (newest !== null && entry.ctimeNs < newest.ctimeNs)) continue
    newest = { path, ctimeNs: entry.ctimeNs }
  }
  if (newest === null) return null
  const handle = disk.openRead(newest.path)
  const entry = disk.fstat(handle)
  return { handle, sizeBytes: entry.kind === 'file' ? entry.sizeBytes : 0 }
}
