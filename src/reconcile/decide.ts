import { assert } from '../model/errors.ts'
import { fingerprint, type FileRecord } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import { compareVersions, joinVersions } from '../vector-clock/compare-versions.ts'
import { conflictCopyPath } from '../vector-clock/conflict-name.ts'
import { compareRecords } from '../vector-clock/order-records.ts'

/** What a device does with a path when it hears of another device's record for it. */
export type Decision =
  /** Ours stays as it is; the other side acts, or there is nothing to do. */
  | { readonly action: 'nothing'; readonly reason: 'same' | 'older' | 'winner' }
  /** Make the disk as `record` says; what we had was seen by its writer. */
  | { readonly action: 'take'; readonly record: FileRecord }
  /** Same bytes: only version and metadata become `record`'s. */
  | { readonly action: 'adopt'; readonly record: FileRecord }
  /** Ours stays and is published again with the joined version. */
  | { readonly action: 'keep'; readonly record: FileRecord }
  /** Ours lost: make the disk as `record` says and keep what we had under `copyPath`. */
  | { readonly action: 'take-keeping-copy'; readonly record: FileRecord; readonly copyPath: RelativePath }

/**
 * Decides between our record of a path and another device's, from nothing but the two.
 *
 * Each decision but `nothing` raises our record in the order (version, then `compareRecords`), and two records between
 * which neither side acts are identical: so exchanging records in any order ends, and it ends with the same record
 * everywhere. Of a true conflict only the loser's holder acts, because it alone can keep the loser without a fetch.
 * The whole argument is in docs/decisions/0001-conflicts.md.
 */
export function decide(local: FileRecord | null, remote: FileRecord): Decision {
  if (local === null) return { action: 'take', record: remote }
  assert(local.path === remote.path, 'both records are of one path')
  const order = compareVersions(local.version, remote.version)
  if (order === 'after') return { action: 'nothing', reason: 'older' }
  if (order === 'before') return { action: sameContent(local, remote) ? 'adopt' : 'take', record: remote }
  if (order === 'concurrent') return decideConcurrent(local, remote)
  return compareRecords(local, remote) === 0 ? { action: 'nothing', reason: 'same' } : giveWay(local, remote)
}

function decideConcurrent(local: FileRecord, remote: FileRecord): Decision {
  const version = joinVersions(local.version, remote.version)
  if (sameContent(local, remote)) {
    const greater = compareRecords(local, remote) > 0 ? local : remote
    return { action: 'adopt', record: { ...greater, version } }
  }
  const localSawRemote = supersedes(local, remote)
  const remoteSawLocal = supersedes(remote, local)
  if (remoteSawLocal && !localSawRemote) return { action: 'take', record: { ...remote, version } }
  if (localSawRemote && !remoteSawLocal) return { action: 'keep', record: { ...local, version } }
  return giveWay(local, { ...remote, version })
}

/** The winner's holder does nothing; the loser's holder makes room and keeps what a person may miss. */
function giveWay(local: FileRecord, remote: FileRecord): Decision {
  if (compareRecords(local, remote) > 0) return { action: 'nothing', reason: 'winner' }
  if (sameContent(local, remote)) return { action: 'adopt', record: remote }
  if (!holdsContent(local)) return { action: 'take', record: remote }
  return { action: 'take-keeping-copy', record: remote, copyPath: conflictCopyPath(local) }
}

/** True when `later` was made from exactly what `earlier` holds, whatever the versions say. */
function supersedes(later: FileRecord, earlier: FileRecord): boolean {
  return holdsContent(earlier) && later.basis === fingerprint(earlier)
}

function sameContent(a: FileRecord, b: FileRecord): boolean {
  return fingerprint(a) === fingerprint(b)
}

function holdsContent(record: FileRecord): boolean {
  return record.kind === 'file' || record.kind === 'symlink'
}
