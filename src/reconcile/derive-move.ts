import type { DiskState } from '../model/disk-state.ts'
import { movedPath, type FolderMove, type FolderPaths } from '../model/folder-move.ts'
import { fingerprint, noFingerprint, type FileRecord } from '../model/file-record.ts'
import { linkTargetProblem } from '../model/link-target.ts'
import { advanceVersion } from '../vector-clock/compare-versions.ts'

/** A record and what the disk looks like where it is. */
export interface RecordOnDisk {
  readonly record: FileRecord
  readonly disk: DiskState | null
}

/** What a move takes along, and the tombstone that its new path has, if any. */
export interface MovedEntry {
  readonly row: RecordOnDisk
  readonly target: FileRecord | null
}

/**
 * The records that a move leaves: what was at `from` and below it stands at `to`, and tombstones where it was. Every
 * device that held the same before derives the same, in the same order: folders before what they hold, their tombstones
 * after those of what they held.
 *
 * The disk states go along: a rename of a folder changes nothing of what is in it. Null when it is no honest move, as the
 * writer's counter has been used for one of the records, or a symlink that leads into the synced folder would lead out of it.
 */
export function deriveMove(move: FolderMove, moved: readonly MovedEntry[]): RecordOnDisk[] | null {
  const { from, to } = move
  if (!moved.every(({ row, target }) => isNewTo(move, row.record) && (target === null || isNewTo(move, target))))
    return null
  const changes = to === null ? [] : arrivals({ ...move, from, to }, moved)
  if (changes.some(leadsOut)) return null
  for (const { row } of moved.toReversed()) changes.push(leftOf(move, row.record))
  return changes
}

function leadsOut({ record: { kind, path, linkTarget } }: RecordOnDisk): boolean {
  return kind === 'symlink' && linkTargetProblem(path, linkTarget) !== null
}

/** False when the writer's counter has been used for the record. */
export function isNewTo({ writer, counter }: FolderMove, { version }: FileRecord): boolean {
  return version.every(([by, at]) => by !== writer || at < counter)
}

/** What a move or removal leaves at the path of a record that it takes along. */
export function leftOf({ writer, writerName, counter, movedAtMs }: FolderMove, record: FileRecord): RecordOnDisk {
  const tombstone: FileRecord = {
    path: record.path,
    kind: 'tombstone',
    sizeBytes: 0,
    mtimeNs: BigInt(movedAtMs) * 1_000_000n,
    executable: false,
    linkTarget: '',
    content: '',
    version: advanceVersion(record.version, writer, counter),
    writer,
    writerName,
    basis: fingerprint(record),
  }
  return { record: tombstone, disk: null }
}

function arrivals(move: FolderMove & FolderPaths, moved: readonly MovedEntry[]): RecordOnDisk[] {
  const { writer, writerName, counter } = move
  return moved.map(({ row, target }) => ({
    record: {
      ...row.record,
      path: movedPath(row.record.path, move),
      version: advanceVersion(target?.version ?? [], writer, counter),
      writer,
      writerName,
      basis: noFingerprint,
    },
    disk: row.disk,
  }))
}
