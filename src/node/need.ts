import type { IndexRow } from '../file-index/folder-index.ts'
import type { BlockHash } from '../model/block-hash.ts'
import type { DeviceId } from '../model/device-id.ts'
import { fingerprint, type FileRecord } from '../model/file-record.ts'
import type { TransferPlace } from '../transfer/transfer-order.ts'
import { compareVersions } from '../vector-clock/compare-versions.ts'
import { compareRecords } from '../vector-clock/order-records.ts'

/** A record of a peer that this disk does not hold yet. */
export interface Need {
  readonly record: FileRecord
  /** Who says that it holds it. */
  readonly sources: Set<DeviceId>
  /** Bytes that differ from what is here: 0 when only metadata does. */
  readonly bytes: number
  /** The content that acting on it would take away from its path, or ''. */
  readonly replaces: BlockHash | ''
  /** When it is its turn. */
  readonly place: TransferPlace
  state: 'queued' | 'active'
  /** Not before this time of the monotonic clock. */
  retryAt: number
  attempts: number
  /** Bytes of it that are on this disk already. */
  stagedBytes: number
  /** Why it waits, for a person; '' when nothing is wrong. */
  reason: string
}

export function newNeed(
  record: FileRecord,
  source: DeviceId,
  details: Pick<Need, 'bytes' | 'replaces' | 'place'>,
): Need {
  const sources = new Set([source])
  return { record, sources, ...details, state: 'queued', retryAt: 0, attempts: 0, stagedBytes: 0, reason: '' }
}

/** True when two records say the same of the same version. */
export function isSameRecord(a: FileRecord, b: FileRecord): boolean {
  return compareVersions(a.version, b.version) === 'equal' && compareRecords(a, b) === 0
}

/** About what a record takes up in memory. */
export function memoryBytes(record: FileRecord): number {
  return 400 + record.path.length + record.linkTarget.length + record.basis.length + record.version.length * 96
}

/** What it takes to turn the row into the record: bytes to be staged, and the content that goes. */
export function costOf(record: FileRecord, row: IndexRow | null): { bytes: number; replaces: FileRecord['content'] } {
  const same = row !== null && fingerprint(row.record) === fingerprint(record)
  return { bytes: same ? 0 : record.sizeBytes, replaces: same ? '' : (row?.record.content ?? '') }
}
