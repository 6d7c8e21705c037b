import { sameDiskState, sameFileIdentity, type DiskState } from '../model/disk-state.ts'
import { systemCode } from '../model/errors.ts'
import type { Disk } from '../ports/disk.ts'
import { quietly } from './path-trouble.ts'

export interface SaveRequest {
  /** Absolute path of what is about to be replaced or removed. */
  readonly target: string
  /** What is there, by a look just now. */
  readonly expect: DiskState
  /** A free name for it, asked for only where one is needed. */
  readonly freePlace: () => string
  /** A file is copied: nothing of it may change before it is replaced. Where it cannot be read it gets a hard link all the same. */
  readonly byCopy?: boolean
}

export interface Saved {
  /** The second name, or null for a folder: it is empty and was removed. */
  readonly at: string | null
  /** True when nothing is at the target any more. */
  readonly moved: boolean
  /** Leaves things as they were, as far as nobody else has changed them since. */
  undo(): void
}

/**
 * Gives what is at `target` a second name, so that it can be replaced there by one rename and the path holds the old or
 * the new version at every instant. Null, with nothing changed, when the target turns out to be something else.
 *
 * Files get a hard link: bytes written through an open handle meanwhile stay with the old version. A symlink is copied,
 * for it is only text. Where there are no hard links, the file is renamed away, and an empty folder has to be removed:
 * only then is the path empty for an instant.
 */
export function saveOld(disk: Disk, request: SaveRequest): Saved | null {
  if (request.expect.kind === 'folder') return removeEmpty(disk, request)
  if (request.expect.kind === 'symlink') return copyLink(disk, request)
  const at = request.freePlace()
  if (request.byCopy === true) {
    const copied = copyFile(disk, request, at)
    if (copied !== unreadable) return copied
  }
  try {
    disk.hardLink(request.target, at)
  } catch (error) {
    if (!lacksHardLinks(error)) throw error
    return moveAway(disk, { ...request, freePlace: () => at })
  }
  const undo = (): void => quietly(() => disk.unlink(at))
  // Both: the link may be of a file that came in between, and the path may have got one since.
  const isSaved = (): boolean => isStill(disk, at, request.expect) && isStill(disk, request.target, request.expect)
  return unlessChanged({ at, moved: false, undo }, isSaved)
}

/**
 * Renames what is at `target` away. Null when something else was there by then; it is put back, or stays under the new
 * name when its old one is taken already.
 */
export function moveAway(disk: Disk, request: SaveRequest): Saved | null {
  const at = request.freePlace()
  disk.rename(request.target, at)
  const undo = (): void => quietly(() => putBack(disk, { from: at, to: request.target }))
  return unlessChanged({ at, moved: true, undo }, () => isStill(disk, at, request.expect))
}

/**
 * After a rename that failed: undoes what was `saved` before it, unless what was to be renamed has gone. A disk behind a
 * network may have done what it says has failed, and then the saved name is the only one that the old version has.
 */
export function undoUnlessGone(disk: Disk, renamed: string, saved: Saved): void {
  quietly(() => {
    if (disk.lstat(renamed) !== null) saved.undo()
  })
}

function copyFile(disk: Disk, request: SaveRequest, at: string): Saved | null | typeof unreadable {
  try {
    disk.copyFile(request.target, at)
  } catch (error) {
    if (systemCode(error) === 'EIO') return unreadable
    throw error
  }
  const undo = (): void => quietly(() => disk.unlink(at))
  return unlessChanged({ at, moved: false, undo }, () => {
    // What is replaced may be an edit that looks like damage: then this is all there is of it.
    syncFile(disk, at)
    return isStill(disk, request.target, request.expect)
  })
}

function syncFile(disk: Disk, path: string): void {
  const handle = disk.openRead(path)
  try {
    disk.sync(handle)
  } finally {
    disk.close(handle)
  }
}

function copyLink(disk: Disk, request: SaveRequest): Saved | null {
  const text = disk.readLink(request.target)
  const at = request.freePlace()
  disk.makeLink(at, text)
  const undo = (): void => quietly(() => disk.unlink(at))
  return unlessChanged({ at, moved: false, undo }, () => {
    disk.setLinkMtime(at, request.expect.mtimeNs)
    const entry = disk.lstat(request.target)
    return entry?.kind !== 'other' && sameDiskState(entry, request.expect)
  })
}

/** `saved` when `isSaved` holds; undone when it does not, or cannot be told. */
export function unlessChanged(saved: Saved, isSaved: () => boolean): Saved | null {
  try {
    if (isSaved()) return saved
  } catch (error) {
    saved.undo()
    throw error
  }
  saved.undo()
  return null
}

function removeEmpty(disk: Disk, request: SaveRequest): Saved {
  disk.removeFolder(request.target)
  const undo = (): void =>
    quietly(() => {
      disk.makeFolder(request.target)
      disk.setPathMode(request.target, request.expect.mode)
    })
  return { at: null, moved: true, undo }
}

function putBack(disk: Disk, names: { readonly from: string; readonly to: string }): void {
  const entry = disk.lstat(names.from)
  if (entry?.kind === 'file') {
    // Unlike a rename, a link does not replace what somebody else has put there meanwhile.
    try {
      disk.hardLink(names.from, names.to)
      disk.unlink(names.from)
      return
    } catch (error) {
      if (!lacksHardLinks(error)) throw error
    }
  }
  if (disk.lstat(names.to) === null) disk.rename(names.from, names.to)
}

/** Whether the file is there, with the bytes that it had. */
export function isStill(disk: Disk, path: string, expect: DiskState): boolean {
  const entry = disk.lstat(path)
  return entry !== null && entry.kind !== 'other' && sameFileIdentity(entry, expect)
}

const unreadable = Symbol('its bytes cannot be read')

/** What the system answers to a hard link where there are none. */
export function lacksHardLinks(error: unknown): boolean {
  return noHardLinks.has(systemCode(error))
}

const noHardLinks: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])
