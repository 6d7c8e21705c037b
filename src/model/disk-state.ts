/**
 * What the disk said of an entry when we last looked. Two equal states are taken for an unchanged entry; that is why
 * ctime and inode count and mtime alone never does.
 */
export interface DiskState {
  readonly kind: 'file' | 'folder' | 'symlink'
  readonly sizeBytes: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly inode: bigint
  /** Permission bits only (0o7777). */
  readonly mode: number
}

/** Folders change size, times and inode count with what they hold: only kind and inode identify them. */
export function sameDiskState(a: DiskState | null, b: DiskState | null): boolean {
  if (a === null || b === null) return a === b
  if (a.kind !== b.kind || a.inode !== b.inode) return false
  if (a.kind === 'folder') return true
  return a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.mode === b.mode
}

/**
 * A state that equals none on a disk, of what is to be looked at once more, as after a look in the tick of a write. The change
 * time in it is negative, and still told by {@link changedNs}.
 */
export function toLookAtAgain(disk: DiskState): DiskState {
  return isToLookAtAgain(disk) ? disk : { ...disk, ctimeNs: -disk.ctimeNs }
}

export function isToLookAtAgain(disk: DiskState): boolean {
  return disk.ctimeNs <= 0n
}

/** When it was changed, as far as that is known: earlier versions of p2psync kept no change time of what was to be looked at once more. */
export function changedNs({ mtimeNs, ctimeNs }: DiskState): bigint {
  if (ctimeNs === 0n) return mtimeNs
  return ctimeNs < 0n ? -ctimeNs : ctimeNs
}

/** The same bytes for certain, though a link count or a rename may have moved ctime. */
export function sameFileIdentity(a: DiskState, b: DiskState): boolean {
  return a.kind === b.kind && a.inode === b.inode && a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs
}

/**
 * A time of a disk as a disk state has it. Some file systems keep times of which neither a row nor a record can tell: they
 * count as the farthest that both can.
 */
export function tellableTime(timeNs: bigint): bigint {
  if (timeNs > farthestNs) return farthestNs
  return timeNs < -farthestNs ? -farthestNs : timeNs
}

/** In nine bytes, and about the year 77,000. */
const farthestNs = 2n ** 71n - 1n

export function isExecutable(mode: number): boolean {
  return (mode & 0o100) !== 0
}
