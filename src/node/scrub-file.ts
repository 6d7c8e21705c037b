import { decodeBlockList } from '../blocks/block-list.ts'
import type { FolderIndex, IndexRow } from '../file-index/folder-index.ts'
import type { BlockHash } from '../model/block-hash.ts'
import { isExecutable, sameDiskState } from '../model/disk-state.ts'
import { isSingleBlock } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { BlockRead, FileTasks } from '../ports/file-tasks.ts'
import { sameEntry } from './entry-draft.ts'
import { batchesOf } from './fetch-groups.ts'

/** What one file turned out to be. */
export type ScrubVerdict =
  | { readonly outcome: 'good' }
  /** It is being changed, or was: that is for those who look for changes. Or it cannot be told now. */
  | { readonly outcome: 'unknown' }
  /** It is not what the index has, though nobody has touched it since. Blocks are in its order, none bad where it is too long. */
  | { readonly outcome: 'damaged'; readonly good: readonly BlockRead[]; readonly bad: readonly BlockRead[] }

/** Read at once, so that others have their turn in between. */
const batchBytes = 4 * 1024 * 1024
/** It may be being written, and looked at later than it was changed. */
const restMs = 10 * 60_000

/**
 * Reads a live file of the index and compares it with the hashes there. `pace` is awaited after each piece that was read,
 * and ends the work by throwing.
 */
export async function scrubFile(deps: ScrubFileDeps, row: IndexRow): Promise<ScrubVerdict> {
  const { tasks, nowMs, isKnown } = deps
  const { record, disk } = row
  if (record.kind !== 'file' || disk?.kind !== 'file' || record.content === '') return unknown
  if (!isKnown && Number(disk.ctimeNs / 1_000_000n) > nowMs - restMs) return unknown
  if (!isKnown && deps.mayBeEdited(record.path)) return unknown
  const blocks = await blocksOf(deps.index, row, record.content)
  if (blocks === null) return unknown
  const good: BlockRead[] = []
  const bad: BlockRead[] = []
  let buffer: Uint8Array | undefined
  for (const batch of batchesOf(blocks, batchBytes)) {
    const { found, bytes } = await tasks.readBlocks(batch, buffer)
    buffer = bytes
    for (const [i, block] of batch.entries()) (found[i] === true ? good : bad).push(block)
    await deps.pace(batch.reduce((sum, { length }) => sum + length, 0))
  }
  if (bad.length === 0 && isAsRecorded(row, { content: record.content, isKnown })) return { outcome: 'good' }
  return (await isDamaged(deps, row)) ? { outcome: 'damaged', good, bad } : unknown
}

export interface ScrubFileDeps {
  readonly index: Pick<FolderIndex, 'blockList'>
  readonly tasks: Pick<FileTasks, 'readBlocks' | 'hash'>
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** It is damaged for sure: it is judged however lately it was changed, and by its time and executable bit, too. */
  readonly isKnown: boolean
  /** Other bytes there may be an edit of which nothing else tells: nobody has looked yet. */
  readonly mayBeEdited: (path: RelativePath) => boolean
  readonly pace: (bytes: number) => Promise<void>
}

async function blocksOf(
  index: Pick<FolderIndex, 'blockList'>,
  { record: { path, sizeBytes } }: IndexRow,
  content: BlockHash,
): Promise<readonly BlockRead[] | null> {
  if (isSingleBlock(sizeBytes)) return [{ path, offset: 0, length: sizeBytes, hash: content }]
  const encoded = await index.blockList(content)
  if (encoded === null) return null
  const list = decodeBlockList(encoded, sizeBytes)
  return Array.from({ length: list.count }, (_, i) => ({
    path,
    offset: list.offsetAt(i),
    length: list.lengthAt(i),
    hash: list.hashAt(i),
  }))
}

/** Hashing looks before and after: only what was not touched meanwhile, and was read to its end or not at all, is damaged. */
async function isDamaged({ tasks, isKnown }: ScrubFileDeps, row: IndexRow): Promise<boolean> {
  const [result] = await tasks.hash([{ path: row.record.path, disk: row.disk! }])
  if (result?.outcome === 'failed') return /\(EIO\)|\(EUCLEAN\)|\(EBADMSG\)/.test(result.reason)
  if (result?.outcome !== 'hashed' || !sameDiskState(result.disk, row.disk)) return false
  return !isAsRecorded(row, { content: result.content, isKnown })
}

/**
 * What a power cut has left may be longer than its record, or the version before with the same bytes. Time and executable
 * bit alone tell no damage: there are disks that do not keep them.
 */
function isAsRecorded({ record, disk }: IndexRow, found: { content: BlockHash; isKnown: boolean }): boolean {
  const { sizeBytes, mtimeNs, mode } = disk!
  const bytes = { ...record, sizeBytes, content: found.content }
  return sameEntry(record, found.isKnown ? { ...bytes, mtimeNs, executable: isExecutable(mode) } : bytes)
}

const unknown = { outcome: 'unknown' } as const
