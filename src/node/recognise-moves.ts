import type { IndexRow } from '../file-index/folder-index.ts'
import { isToLookAtAgain, sameFileIdentity, type DiskState } from '../model/disk-state.ts'
import { isMovable } from '../model/folder-move.ts'
import { comparePaths, isBelow, parentPath, type RelativePath } from '../model/relative-path.ts'
import type { HashResult, ScanEntry } from '../ports/file-tasks.ts'

/** A folder that is gone from `from` and now seems to be at `to`. */
export interface FolderPair {
  readonly from: RelativePath
  readonly to: RelativePath
  /** What is at `to`. */
  readonly disk: DiskState
}

export interface RecognisedMoves {
  /** What lies deepest first, so that a folder is out of another before that one moves. */
  readonly folders: readonly FolderPair[]
  /** By the new path of a file, the row of the path that it had. */
  readonly files: ReadonlyMap<RelativePath, IndexRow>
}

/**
 * Which of the entries that are new on the disk are old ones under another path: those that still have the inode of a row
 * that is gone.
 *
 * An inode is used again after a removal, so it alone says nothing. A folder is told by what is in it, which the caller
 * compares. A file has its size and its time as well, and the time has to be one that no two files share: one of whole
 * seconds was set by a program that unpacked or copied, perhaps for many files alike, and such a file is read instead.
 */
export function recogniseMoves(fresh: readonly ScanEntry[], gone: readonly IndexRow[]): RecognisedMoves {
  const goneFolders = new Map<bigint, RelativePath>()
  const goneFiles = new Map<bigint, IndexRow>()
  for (const row of gone) {
    if (row.disk?.kind === 'folder') goneFolders.set(row.disk.inode, row.record.path)
    else if (row.disk?.kind === 'file' && row.record.kind === 'file') goneFiles.set(row.disk.inode, row)
  }
  const folders: FolderPair[] = []
  const files = new Map<RelativePath, IndexRow>()
  for (const { path, disk } of fresh) {
    if (disk.kind === 'folder') {
      const from = goneFolders.get(disk.inode)
      if (from !== undefined && isMovable({ from, to: path })) folders.push({ from, to: path, disk })
    } else if (disk.kind === 'file') {
      const row = goneFiles.get(disk.inode)
      if (row !== undefined && isSameFile(row.disk!, disk)) files.set(path, row)
    }
  }
  folders.sort((a, b) => depthOf(b.from) - depthOf(a.from) || comparePaths(a.to, b.to))
  return { folders, files }
}

/** The folders, none below another, that are gone with `rowsMin` paths or more below them. */
export function removedFolders(gone: readonly RelativePath[], rowsMin: number): RelativePath[] {
  const sorted = [...new Set(gone)].sort(comparePaths)
  const folders: RelativePath[] = []
  for (let at = 0; at < sorted.length;) {
    const top = sorted[at]!
    const begin = at++
    while (at < sorted.length && isBelow(sorted[at]!, top)) at++
    if (at - begin > rowsMin) folders.push(top)
  }
  return folders
}

/** True when `path` is one of `tops` or below one. */
export function isAtOrBelow(path: RelativePath, tops: Pick<ReadonlySet<RelativePath>, 'has'>): boolean {
  for (let at: RelativePath | null = path; at !== null; at = parentPath(at)) if (tops.has(at)) return true
  return false
}

/** A rename sets ctime anew, so it cannot be asked for; and a file that had just been written is none that is known for certain. */
function isSameFile(before: DiskState, now: DiskState): boolean {
  return !isToLookAtAgain(before) && before.mtimeNs % nanosecondsPerSecond !== 0n && sameFileIdentity(before, now)
}

function depthOf(path: RelativePath): number {
  let depth = 0
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) depth++
  return depth
}

const nanosecondsPerSecond = 1_000_000_000n

/** What a file holds that has moved, as its row says. */
export function hashOfMoved({ path, disk }: ScanEntry, { record }: IndexRow): HashResult {
  if (record.content === '') throw new RangeError('a file without content')
  return { outcome: 'hashed', path, disk, content: record.content, blockList: null }
}
