import { systemCode } from '../model/errors.ts'
import { relativePathProblem, type RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import type { ScanProblem } from '../ports/file-tasks.ts'
import { listFolder, type FolderListing } from './list-folder.ts'
import { causeText, lookAtPath, newParentLooks, nameProblem, whyNotOurs, type ParentLooks } from './look-at-entry.ts'

/** A part of a walk by names alone, as plain data for another thread. */
export interface Listing {
  /** In path order, with a NUL, which no path has, between two: one string is cloned far faster than many. */
  readonly paths: string
  readonly count: number
  readonly problems: readonly ScanProblem[]
  /** As in a scan's batch. */
  readonly unknown: readonly (RelativePath | '')[]
}

/**
 * Walks what lies at and below `start` ('' is all of `root`) in path order by reading folders, and yields the paths in
 * listings of up to 1000. What is at them has still to be looked at: only folders were, as far as they are entered.
 *
 * Iterative, with one sorted listing a level in memory; symlinks are never followed. A folder that cannot be read is
 * listed, its content is reported as unknown, and the walk goes on; the same holds for the root. A synced folder of its
 * own and another file system that is mounted below the root are not entered: they are unknown.
 *
 * Cost: a listing and a look a folder.
 */
export function* listTree(disk: Disk, root: string, start: RelativePath | ''): Generator<Listing> {
  const walk = new TreeWalk(disk, root)
  walk.begin(start)
  while (walk.step()) if (walk.pending >= listingPathsMax) yield walk.takeListing()
  if (walk.pending > 0) yield walk.takeListing()
}

const listingPathsMax = 1000
const plainName = /^[\u0020-\u007e]*$/
const plainPathLengthMax = 1000

interface Level {
  readonly folder: RelativePath | ''
  readonly listing: FolderListing
  at: number
}

/** The state of a walk: the folders that are open, and what was found since the last listing. */
class TreeWalk {
  readonly #disk: Disk
  readonly #root: string
  readonly #levels: Level[] = []
  readonly #parents: ParentLooks
  #paths: RelativePath[] = []
  #problems: ScanProblem[] = []
  #unknown: (RelativePath | '')[] = []

  constructor(disk: Disk, root: string) {
    this.#disk = disk
    this.#root = root
    this.#parents = newParentLooks(disk, root)
  }

  get pending(): number {
    return this.#paths.length + this.#problems.length
  }

  takeListing(): Listing {
    const paths = this.#paths
    const listing = {
      paths: paths.join('\0'),
      count: paths.length,
      problems: this.#problems,
      unknown: this.#unknown,
    }
    this.#paths = []
    this.#problems = []
    this.#unknown = []
    return listing
  }

  begin(start: RelativePath | ''): void {
    if (start === '') {
      this.#enter('')
      return
    }
    const look = lookAtPath(this.#disk, this.#root, start, this.#parents)
    if (look.outcome === 'absent') return
    if (look.outcome === 'unknown' || look.outcome === 'unsynced') this.#addUnknown(start, look.reason)
    else if (look.outcome === 'found' && look.disk.kind === 'folder') this.#enter(start)
    else this.#paths.push(start)
  }

  /** Goes on by one entry; returns false at the end. */
  step(): boolean {
    const level = this.#levels.at(-1)
    if (level === undefined) return false
    const name = level.listing.names[level.at++]
    if (name === undefined) {
      this.#levels.pop()
      return true
    }
    const path = (level.folder === '' ? name : `${level.folder}/${name}`) as RelativePath
    const problem = pathProblem(path, name)
    if (problem !== null) this.#problems.push({ path, reason: problem })
    else if (level.listing.folders.has(name)) this.#enter(path)
    else this.#paths.push(path)
    return true
  }

  // Listed before it goes out: the listing shows whether it is a synced folder of its own.
  #enter(folder: RelativePath | ''): void {
    const longName = nameProblem(folder)
    if (longName !== null) {
      this.#addUnknown(folder, longName)
      return
    }
    let listing: FolderListing
    try {
      listing = listFolder(this.#disk, this.#root, folder)
    } catch (error) {
      this.#addUnread(folder, error)
      return
    }
    if (folder !== '') {
      const look = whyNotOurs(this.#disk, this.#root, folder, {
        fileSystem: this.#parents.fileSystem,
        mayHaveMarker: listing.hasPrivateFolder,
      })
      if (look !== null) {
        this.#addUnknown(folder, look.reason)
        return
      }
      this.#paths.push(folder)
    }
    for (const problem of listing.problems) this.#problems.push(problem)
    this.#levels.push({ folder, listing, at: 0 })
  }

  #addUnread(folder: RelativePath | '', error: unknown): void {
    if (folder !== '') {
      // What it is now, the look shows that follows.
      this.#paths.push(folder)
      if (['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return
    }
    this.#addUnknown(folder, `it cannot be read: ${causeText(error)}`)
  }

  #addUnknown(path: RelativePath | '', reason: string): void {
    this.#unknown.push(path)
    this.#problems.push({ path: path === '' ? '.' : path, reason })
  }
}

// The disk itself guarantees most of what makes a relative path.
function pathProblem(path: RelativePath, name: string): string | null {
  return path.length <= plainPathLengthMax && plainName.test(name) ? null : relativePathProblem(path)
}
