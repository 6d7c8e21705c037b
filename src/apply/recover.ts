import { sameDiskState, type DiskState } from '../model/disk-state.ts'
import type { FileRecord } from '../model/file-record.ts'

/** An intent that was written before its rename, and what is found at a restart. */
export interface InterruptedIntent {
  /** The record that was about to be committed. */
  readonly intended: FileRecord
  readonly staged: string
  /** What is at the record's path now. */
  readonly disk: DiskState | null
  /** The inode of the staged file; null when it is gone. */
  readonly stagedInode: bigint | null
  /** What the index says is at the path. */
  readonly indexed: DiskState | null
}

/**
 * Answers whether the file at the path is the one that the intent was to place, so that it is committed (`adopt`)
 * instead of taken for a user's edit. `drop` is always safe: the next scan hashes what is there.
 *
 * What became of the staged file has the intended size and, to a microsecond, the intended time; its staged name is gone, or
 * is a second name of it. It is never the inode that was there before: that may have the same size and time.
 */
export function recoverIntent(intent: InterruptedIntent): 'adopt' | 'drop' {
  const { intended, disk, stagedInode, indexed } = intent
  if (
    disk === null ||
    (stagedInode !== null && stagedInode !== disk.inode) ||
    disk.kind !== 'file' ||
    intended.kind !== 'file'
  )
    return 'drop'
  if (disk.inode === indexed?.inode) return 'drop'
  return disk.sizeBytes === intended.sizeBytes && isNear(disk.mtimeNs, intended.mtimeNs) ? 'adopt' : 'drop'
}

/**
 * Whether the file at the path is the one that the index knows, with nothing changed but time and mode, of which an
 * intent without a staged file has told before: its bytes are what they were, even if the disk has damaged them.
 */
export function isSameButMetadata({
  intended,
  disk,
  indexed,
}: Pick<InterruptedIntent, 'intended' | 'disk' | 'indexed'>): boolean {
  if (disk?.kind !== 'file' || indexed?.kind !== 'file' || disk.inode !== indexed.inode) return false
  const hasTime = isNear(disk.mtimeNs, intended.mtimeNs) || disk.mtimeNs === indexed.mtimeNs
  return disk.sizeBytes === indexed.sizeBytes && hasTime
}

/**
 * Whether a conflict's loser has got the name of its copy and still has its own: a kill came in between. Both are the file
 * that the index knows at the path; a copy that has come to be has a row, or is all that is left of that file.
 */
export function isLeftTwice(loser: {
  /** What is at the path now, and what the index says is there. */
  readonly disk: DiskState | null
  readonly indexed: DiskState | null
  /** What is at the copy's path now, and whether the index says that something is there. */
  readonly copy: DiskState | null
  readonly isCopyIndexed: boolean
}): boolean {
  const { disk, indexed, copy, isCopyIndexed } = loser
  if (isCopyIndexed || disk?.kind !== 'file' || indexed?.kind !== 'file') return false
  return disk.inode === indexed.inode && sameDiskState(disk, copy)
}

function isNear(a: bigint, b: bigint): boolean {
  const difference = a - b
  return difference >= -nanosecondsPerMicrosecond && difference <= nanosecondsPerMicrosecond
}

const nanosecondsPerMicrosecond = 1000n
