import type { DiskState } from '../model/disk-state.ts'
import { errorText, systemCode } from '../model/errors.ts'
import { fileSizeBytesMax, nameBytesMax } from '../model/limits.ts'
import { linkTargetProblem } from '../model/link-target.ts'
import { baseName, parentPath, privateFolderName, type RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'

/** What is at a path, as far as it concerns syncing. */
export type EntryLook =
  | { readonly outcome: 'found'; readonly disk: DiskState; readonly linkTarget: string }
  | { readonly outcome: 'absent' }
  /** `unknown`: it could not be looked at. `unsynced`: it is there, and is not ours to sync. */
  | { readonly outcome: 'unknown' | 'unsynced'; readonly reason: string }

/** Looks at one entry of a folder that is known to be one. Its parents are not looked at. */
export function lookAtEntry(disk: Disk, root: string, path: RelativePath): EntryLook {
  if (isNameTooLong(path)) return { outcome: 'unsynced', reason: `its name is longer than ${nameBytesMax} bytes` }
  try {
    const entry = disk.lstat(`${root}/${path}`)
    if (entry === null) return absent
    if (entry.kind === 'other') return { outcome: 'unsynced', reason: 'it is neither file, folder nor symlink' }
    if (entry.kind === 'symlink') return lookAtLink(disk, root, path, entry)
    if (entry.kind === 'file' && entry.sizeBytes > fileSizeBytesMax) {
      return { outcome: 'unsynced', reason: `it is larger than ${fileSizeBytesMax} bytes` }
    }
    return { outcome: 'found', disk: entry, linkTarget: '' }
  } catch (error) {
    return isMissing(error) ? absent : { outcome: 'unknown', reason: `it cannot be looked at: ${causeText(error)}` }
  }
}

/** What stands between the root and a path: parents that were looked at before, for the time of one slice of work. */
export type ParentLooks = Map<RelativePath, EntryLook>

/**
 * Looks at a path and all its parents: below what is no folder, or a link to one, there is nothing, and what lies in a
 * synced folder of its own is not ours.
 */
export function lookAtPath(disk: Disk, root: string, path: RelativePath, parents: ParentLooks): EntryLook {
  const parent = parentPath(path)
  const above = parent === null ? null : lookAtParents(disk, root, parent, parents)
  if (above !== null && above.outcome !== 'found') return above
  const look = lookAtEntry(disk, root, path)
  if (look.outcome !== 'found' || look.disk.kind !== 'folder') return look
  return lookForMarker(disk, root, path) ?? look
}

/** How a folder's own marker shows that it is synced by itself, or null when it is an ordinary folder. */
export function lookForMarker(disk: Disk, root: string, folder: RelativePath): EntryLook | null {
  try {
    if (disk.lstat(`${root}/${folder}/${privateFolderName}/folder.json`) === null) return null
    return { outcome: 'unsynced', reason: 'it is a synced folder of its own' }
  } catch (error) {
    // An unreadable folder is an entry of ours all the same; what is below it shows when it is looked at.
    if (isMissing(error) || isRefused(error)) return null
    return { outcome: 'unknown', reason: `it cannot be looked at: ${causeText(error)}` }
  }
}

/** Why a call to the disk failed, in words for a person. */
export function causeText(error: unknown): string {
  return isRefused(error) ? 'permission denied' : errorText(error)
}

const absent: EntryLook = { outcome: 'absent' }

function lookAtParents(disk: Disk, root: string, folder: RelativePath, parents: ParentLooks): EntryLook {
  const known = parents.get(folder)
  if (known !== undefined) return known
  let look: EntryLook = absent
  for (let end = folder.indexOf('/'); ; end = folder.indexOf('/', end + 1)) {
    const at = (end < 0 ? folder : folder.slice(0, end)) as RelativePath
    look = parents.get(at) ?? lookAtParent(disk, root, at)
    parents.set(at, look)
    if (look.outcome !== 'found' || end < 0) break
  }
  parents.set(folder, look)
  return look
}

function lookAtParent(disk: Disk, root: string, folder: RelativePath): EntryLook {
  const look = lookAtEntry(disk, root, folder)
  if (look.outcome === 'unknown') return look
  if (look.outcome !== 'found' || look.disk.kind !== 'folder') return absent
  const marker = lookForMarker(disk, root, folder)
  return marker?.outcome === 'unsynced'
    ? { ...marker, reason: 'it is in a synced folder of its own' }
    : (marker ?? look)
}

function lookAtLink(disk: Disk, root: string, path: RelativePath, state: DiskState): EntryLook {
  const linkTarget = disk.readLink(`${root}/${path}`)
  const problem = linkTargetProblem(path, linkTarget)
  if (problem !== null) return { outcome: 'unsynced', reason: problem }
  return { outcome: 'found', disk: state, linkTarget }
}

function isNameTooLong(path: RelativePath): boolean {
  // Three bytes a code unit at most.
  if (path.length * 3 <= nameBytesMax) return false
  return Buffer.byteLength(baseName(path)) > nameBytesMax
}

function isMissing(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function isRefused(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'EACCES' || code === 'EPERM'
}
