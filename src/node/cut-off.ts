import { changedNs, type DiskState } from '../model/disk-state.ts'

/**
 * Whether a power cut took the end of a file: the same inode is shorter than it was when an earlier process looked, and its
 * change time, which no program can set, has not gone on since. File systems write names and times before bytes, so that
 * what was saved in the last seconds may come back empty. That is damage, and no edit that anybody made.
 *
 * A clock that was put back makes an edit look like that only if it comes by with the old time within a minute.
 */
export function isCutOff(known: DiskState, now: DiskState): boolean {
  if (known.kind !== 'file' || now.kind !== 'file' || now.inode !== known.inode) return false
  const agedNs = changedNs(known) - now.ctimeNs
  return now.sizeBytes < known.sizeBytes && agedNs >= 0n && agedNs < notWrittenYetNs
}

/**
 * Whether what is at a path is what was there before the version that is known: a power cut took the rename that put that
 * in its place, or what was written in place. No program can set the change time; where the clock was put back an edit
 * looks like that too.
 */
export function isOlderVersion(known: DiskState, now: DiskState): boolean {
  if (known.kind !== 'file' || now.kind !== 'file') return false
  if (now.inode !== known.inode) return wasThereBefore(changedNs(known), now)
  // Only bytes count, not a mode; and only change times of both tell older from equal.
  const changedBefore = known.ctimeNs === 0n ? now.ctimeNs <= known.mtimeNs : now.ctimeNs < changedNs(known)
  return now.mtimeNs < known.mtimeNs && changedBefore
}

/** What is replaced gets a second name in the tick of the kernel in which it is; what was written in that tick came after. */
function wasThereBefore(replacedNs: bigint, { mtimeNs, ctimeNs }: DiskState): boolean {
  return ctimeNs < replacedNs || (ctimeNs === replacedNs && mtimeNs < ctimeNs)
}

/** Nothing waits longer in memory for its way to the disk, by the defaults of Linux. */
const notWrittenYetNs = 60_000_000_000n
