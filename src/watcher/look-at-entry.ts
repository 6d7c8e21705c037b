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
  /**
   * `unknown`: it could not be looked at. `unsynced`: it is there, and is not ours to sync. `taken`: something of a kind that
   * is never synced is there for certain, and so nothing that is.
   */
  | { readonly outcome: 'unknown' | 'unsynced' | 'taken'; readonly reason: string }

/** Looks at one entry of a folder that is known to be one. Its parents are not looked at. */
export function lookAtEntry(disk: Disk, root: string, path: RelativePath): EntryLook {
  const longName = nameProblem(path)
  if (longName !== null) return { outcome: 'unsynced', reason: longName }
  try {
    const entry = disk.lstat(`${root}/${path}`)
    if (entry === null) return absent
    if (entry.kind === 'other') return lookAtOther(disk, root, path)
    if (entry.kind === 'symlink') return lookAtLink(disk, root, path, entry)
    if (entry.kind === 'file' && entry.sizeBytes > fileSizeBytesMax) {
      return { outcome: 'unsynced', reason: `it is larger than ${fileSizeBytesMax} bytes` }
    }
    return { outcome: 'found', disk: entry, linkTarget: '' }
  } catch (error) {
    return isMissing(error) ? absent : { outcome: 'unknown', reason: `it cannot be looked at: ${causeText(error)}` }
  }
}

/** Why an entry with this path ('' is the root) cannot be synced, or null. */
export function nameProblem(path: RelativePath | ''): string | null {
  // Three bytes a code unit at most.
  if (path === '' || path.length * 3 <= nameBytesMax || Buffer.byteLength(baseName(path)) <= nameBytesMax) return null
  return `its name is longer than ${nameBytesMax} bytes`
}

/** What stands between the root and a path: parents that were looked at before, for the time of one slice of work. */
export interface ParentLooks {
  readonly looks: Map<RelativePath, EntryLook>
  /** That of the root; null when the root cannot be looked at: then nothing below it can. */
  readonly fileSystem: bigint | null
}

export function newParentLooks(disk: Disk, root: string): ParentLooks {
  try {
    return { looks: new Map(), fileSystem: disk.fileSystemAt(root) }
  } catch {
    return { looks: new Map(), fileSystem: null }
  }
}

/**
 * Looks at a path and all its parents: below what is no folder, or a link to one, there is nothing, and what lies in a
 * synced folder of its own, or on a file system that is mounted below the root, is not ours.
 */
export function lookAtPath(disk: Disk, root: string, path: RelativePath, parents: ParentLooks): EntryLook {
  const parent = parentPath(path)
  const above = parent === null ? null : lookAtParents(disk, root, parent, parents)
  if (above !== null && above.outcome !== 'found') return above
  const look = lookAtEntry(disk, root, path)
  if (look.outcome !== 'found' || look.disk.kind !== 'folder') return look
  return whyNotOurs(disk, root, path, { fileSystem: parents.fileSystem, mayHaveMarker: true }) ?? look
}

/** What is there and yet not to be synced, or could not be looked at. */
export type RefusedLook = Extract<EntryLook, { reason: string }>

/**
 * Why a folder below the root is not ours: its own marker shows that it is synced by itself, or it lies on another file
 * system than the root (`fileSystem`). Null when it is an ordinary folder.
 */
export function whyNotOurs(
  disk: Disk,
  root: string,
  folder: RelativePath,
  { fileSystem, mayHaveMarker }: { fileSystem: bigint | null; mayHaveMarker: boolean },
): RefusedLook | null {
  const path = `${root}/${folder}`
  try {
    const itsFileSystem = disk.fileSystemAt(path)
    if (itsFileSystem !== null && fileSystem !== null && itsFileSystem !== fileSystem) {
      return { outcome: 'unsynced', reason: isMount }
    }
    if (!mayHaveMarker || disk.lstat(`${path}/${privateFolderName}/folder.json`) === null) return null
    return { outcome: 'unsynced', reason: isSyncedByItself }
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

const isMount = 'another file system is mounted there'
const isSyncedByItself = 'it is a synced folder of its own'
const reasonsBelow: ReadonlyMap<string, string> = new Map([
  [isMount, 'it is on another file system, which is mounted below the folder'],
  [isSyncedByItself, 'it is in a synced folder of its own'],
])

const absent: EntryLook = { outcome: 'absent' }

function lookAtParents(disk: Disk, root: string, folder: RelativePath, parents: ParentLooks): EntryLook {
  const known = parents.looks.get(folder)
  if (known !== undefined) return known
  let look: EntryLook = absent
  for (let end = folder.indexOf('/'); ; end = folder.indexOf('/', end + 1)) {
    const at = (end < 0 ? folder : folder.slice(0, end)) as RelativePath
    look = parents.looks.get(at) ?? lookAtParent(disk, root, at, parents.fileSystem)
    parents.looks.set(at, look)
    if (look.outcome !== 'found' || end < 0) break
  }
  parents.looks.set(folder, look)
  return look
}

function lookAtParent(disk: Disk, root: string, folder: RelativePath, fileSystem: bigint | null): EntryLook {
  const look = lookAtEntry(disk, root, folder)
  if (look.outcome === 'unknown') return look
  if (look.outcome !== 'found' || look.disk.kind !== 'folder') return absent
  const refused = whyNotOurs(disk, root, folder, { fileSystem, mayHaveMarker: true })
  return refused === null ? look : { ...refused, reason: reasonsBelow.get(refused.reason) ?? refused.reason }
}

/** A FIFO, a socket or a device. One that is mounted over a file hides it, as containers do: the file may be there still. */
function lookAtOther(disk: Disk, root: string, path: RelativePath): EntryLook {
  const parent = parentPath(path)
  const fileSystem = disk.fileSystemAt(parent === null ? root : `${root}/${parent}`)
  if (disk.fileSystemAt(`${root}/${path}`) !== fileSystem) return { outcome: 'unsynced', reason: isMount }
  return { outcome: 'taken', reason: 'it is neither file, folder nor symlink' }
}

function lookAtLink(disk: Disk, root: string, path: RelativePath, state: DiskState): EntryLook {
  const linkTarget = disk.readLink(`${root}/${path}`)
  const problem = linkTargetProblem(path, linkTarget)
  if (problem !== null) return { outcome: 'taken', reason: problem }
  return { outcome: 'found', disk: state, linkTarget }
}

function isMissing(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function isRefused(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'EACCES' || code === 'EPERM'
}
