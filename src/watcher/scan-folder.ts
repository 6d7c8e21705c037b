import { systemCode } from '../model/errors.ts'
import { relativePathProblem, type RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import type { ScanBatch, ScanEntry, ScanProblem } from '../ports/file-tasks.ts'
import { listFolder, type FolderListing } from './list-folder.ts'
import { causeText, lookAtEntry, lookAtPath, lookForMarker, type EntryLook } from './look-at-entry.ts'

/**
 * Walks what lies at and below `start` ('' is all of `root`) in path order and yields it in batches of up to 1000 entries.
 *
 * Iterative, with one sorted listing a level in memory; symlinks are entries and never followed. A folder that cannot be
 * read is an entry, its content is reported as unknown, and the walk goes on; the same holds for the root. An entry that
 * vanishes meanwhile is left out. Not seen: a file system that is mounted below the root is walked like a folder.
 *
 * Cost: an lstat an entry, a listing a folder.
 */
export function* scanFolder(disk: Disk, root: string, start: RelativePath | ''): Generator<ScanBatch> {
  const walk = new FolderWalk(disk, root)
  walk.begin(start)
  while (walk.step()) if (walk.pending >= batchEntriesMax) yield walk.takeBatch()
  if (walk.pending > 0) yield walk.takeBatch()
}

const batchEntriesMax = 1000
const plainName = /^[\u0020-\u007e]*$/
const plainPathLengthMax = 1000

interface Level {
  readonly folder: RelativePath | ''
  readonly names: readonly string[]
  at: number
}

/** The state of a walk: the folders that are open, and what was found since the last batch. */
class FolderWalk {
  readonly #disk: Disk
  readonly #root: string
  readonly #levels: Level[] = []
  #entries: ScanEntry[] = []
  #problems: ScanProblem[] = []
  #unknown: (RelativePath | '')[] = []

  constructor(disk: Disk, root: string) {
    this.#disk = disk
    this.#root = root
  }

  get pending(): number {
    return this.#entries.length + this.#problems.length
  }

  takeBatch(): ScanBatch {
    const batch = { entries: this.#entries, problems: this.#problems, unknown: this.#unknown }
    this.#entries = []
    this.#problems = []
    this.#unknown = []
    return batch
  }

  begin(start: RelativePath | ''): void {
    if (start === '') this.#openRoot()
    else this.#take(start, lookAtPath(this.#disk, this.#root, start, new Map()))
  }

  /** Looks at one more entry; returns false at the end. */
  step(): boolean {
    const level = this.#levels.at(-1)
    if (level === undefined) return false
    const name = level.names[level.at++]
    if (name === undefined) {
      this.#levels.pop()
      return true
    }
    const path = (level.folder === '' ? name : `${level.folder}/${name}`) as RelativePath
    const problem = pathProblem(path, name)
    if (problem === null) this.#take(path, lookAtEntry(this.#disk, this.#root, path))
    else this.#problems.push({ path, reason: problem })
    return true
  }

  #take(path: RelativePath, look: EntryLook): void {
    if (look.outcome === 'absent') return
    if (look.outcome !== 'found') {
      this.#problems.push({ path, reason: look.reason })
      this.#unknown.push(path)
      return
    }
    const entry = { path, disk: look.disk, linkTarget: look.linkTarget }
    if (look.disk.kind === 'folder') this.#openFolder(entry)
    else this.#entries.push(entry)
  }

  // Listed before its entry goes out: the listing shows whether it is a synced folder of its own.
  #openFolder(entry: ScanEntry): void {
    let listing: FolderListing
    try {
      listing = listFolder(this.#disk, this.#root, entry.path)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return
      this.#entries.push(entry)
      this.#addUnreadable(entry.path, error)
      return
    }
    const marker = listing.hasPrivateFolder ? lookForMarker(this.#disk, this.#root, entry.path) : null
    if (marker !== null) {
      this.#take(entry.path, marker)
      return
    }
    this.#entries.push(entry)
    this.#open(entry.path, listing)
  }

  #openRoot(): void {
    try {
      this.#open('', listFolder(this.#disk, this.#root, ''))
    } catch (error) {
      this.#addUnreadable('', error)
    }
  }

  #open(folder: RelativePath | '', listing: FolderListing): void {
    for (const problem of listing.problems) this.#problems.push(problem)
    this.#levels.push({ folder, names: listing.names, at: 0 })
  }

  #addUnreadable(folder: RelativePath | '', error: unknown): void {
    this.#unknown.push(folder)
    this.#problems.push({ path: folder === '' ? '.' : folder, reason: `it cannot be read: ${causeText(error)}` })
  }
}

// The disk itself guarantees most of what makes a relative path.
function pathProblem(path: RelativePath, name: string): string | null {
  return path.length <= plainPathLengthMax && plainName.test(name) ? null : relativePathProblem(path)
}
