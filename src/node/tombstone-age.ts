import { dayMs } from '../model/day.ts'
import type { ForgetNote } from '../file-index/forget-notes.ts'
import { isLive, type FileRecord } from '../model/file-record.ts'
import { decide, type Decision } from '../reconcile/decide.ts'
import { compareVersions, joinVersions } from '../vector-clock/compare-versions.ts'

/**
 * How old a tombstone must be to be forgotten, and what an old one still says. Ages are in whole UTC days, so that devices
 * which agree forget the same ones at the same moment and their trees stay equal. See docs/decisions/0013-tombstones.md.
 */

/** A tombstone that every known device has seen is forgotten when it is so old, */
export const seenDaysMin = 7
/** and any when it is so old. */
const anyDaysMin = 180
/** After midnight peers may be a moment later than we are. */
const turnMs = 60 * 60_000

/** Days since 1970, UTC. */
export function utcDay(ms: number): number {
  return Math.floor(ms / dayMs)
}

/** The day of a deletion. */
export function deletionDay(tombstone: FileRecord): number {
  return Number(tombstone.mtimeNs / (BigInt(dayMs) * 1_000_000n))
}

/** `ackedSeq`: how far all known devices hold our log; `heldDay` as in {@link ForgetNote}. */
export function mayForget(
  tombstone: { readonly day: number; readonly seq: number },
  at: { readonly today: number; readonly ackedSeq: number; readonly heldDay: number },
): boolean {
  if (tombstone.day <= at.today - anyDaysMin) return true
  return tombstone.day <= at.today - seenDaysMin && tombstone.day > at.heldDay && tombstone.seq <= at.ackedSeq
}

/**
 * True for a tombstone of a path of which we know nothing that is not worth keeping: as old as any, or of the day that is
 * just being forgotten everywhere.
 */
export function isDeclined(tombstone: FileRecord, nowMs: number): boolean {
  if (isLive(tombstone)) return false
  const day = deletionDay(tombstone)
  const today = utcDay(nowMs)
  if (day <= today - anyDaysMin) return true
  return day === today - seenDaysMin && nowMs - today * dayMs < turnMs
}

/**
 * As {@link decide}, but an old tombstone removes only what its version has seen, never what has the same content: the
 * file may have been put back where the deletion was forgotten already.
 */
export function decideWithAge(
  local: FileRecord | null,
  remote: FileRecord,
  at: { readonly nowMs: number; readonly isTrusted: boolean },
): Decision {
  if (local === null) {
    const declines = at.isTrusted && isDeclined(remote, at.nowMs)
    return declines ? { action: 'nothing', reason: 'older' } : decide(local, remote)
  }
  if (isLive(local) === isLive(remote) || compareVersions(local.version, remote.version) !== 'concurrent') {
    return decide(local, remote)
  }
  const tombstone = isLive(local) ? remote : local
  if (deletionDay(tombstone) > utcDay(at.nowMs) - seenDaysMin) return decide(local, remote)
  const version = joinVersions(local.version, remote.version)
  return isLive(local)
    ? { action: 'keep', record: { ...local, version } }
    : { action: 'take', record: { ...remote, version } }
}

/** What a look at the wall clock says, `passedMs` after the look before by another clock; null when that is not known. */
export function judgeClock(
  note: Pick<ForgetNote, 'seenMs' | 'doubtedSinceMs'>,
  now: { readonly nowMs: number; readonly passedMs: number | null },
): Pick<ForgetNote, 'seenMs' | 'doubtedSinceMs'> {
  const { nowMs } = now
  const leapt = Math.abs(nowMs - note.seenMs - (now.passedMs ?? 0)) > leapMsMin
  if (leapt) return { seenMs: nowMs, doubtedSinceMs: nowMs }
  const overDoubt = note.doubtedSinceMs !== 0 && nowMs - note.doubtedSinceMs >= dayMs
  return { seenMs: nowMs, doubtedSinceMs: overDoubt ? 0 : note.doubtedSinceMs }
}

const leapMsMin = 2 * dayMs
