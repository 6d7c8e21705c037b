import { sameDiskState, type DiskState } from '../model/disk-state.ts'
import type { FileRecord } from '../model/file-record.ts'

/** An intent that was written before its rename, and what is found at a restart. */
export interface InterruptedIntent {
  /** The record that was about to be committed. */
  readonly intended: FileRecord
  readonly staged: string
  /** What is at the record's path now. */
  readonly disk: DiskState | null
  readonly stagedPresent: boolean
  /** What the index says is at the path. */
  readonly indexed: DiskState | null
}

/**
 * Answers whether the file at the path is the one that the intent was to place, so that it is committed (`adopt`)
 * instead of taken for a user's edit. `drop` is always safe: the next scan hashes what is there.
 *
 * The rename took the staged file away; what it became has the intended size and, to a microsecond, the intended time.
 */
export function recoverIntent(intent: InterruptedIntent): 'adopt' | 'drop' {
  const { intended, disk, stagedPresent, indexed } = intent
  if (stagedPresent || disk === null || disk.kind !== 'file' || intended.kind !== 'file') return 'drop'
  if (sameDiskState(disk, indexed)) return 'drop'
  return disk.sizeBytes === intended.sizeBytes && isNear(disk.mtimeNs, intended.mtimeNs) ? 'adopt' : 'drop'
}

function isNear(a: bigint, b: bigint): boolean {
  const difference = a - b
  return difference >= -nanosecondsPerMicrosecond && difference <= nanosecondsPerMicrosecond
}

const nanosecondsPerMicrosecond = 1000n
