import { assert, systemCode } from '../model/errors.ts'
import { nameBytesMax } from '../model/limits.ts'
import type { Disk } from '../ports/disk.ts'
import { PathTrouble } from './path-trouble.ts'
import type { Touched } from './touched.ts'

/**
 * The only way from a relative path to one that is acted on: every parent is looked at, from the root down, and must be
 * a real folder. A symlink is never followed, so nothing is written outside of the root whatever a record says.
 *
 * Who may write in the folder can put a symlink where a folder was after we looked: that the disk does not follow it either
 * is for a disk that is confined to the root. Answers are kept until {@link forget}, so callers forget with every slice.
 */
export class InsideRoot {
  readonly #disk: Disk
  readonly #root: string
  readonly #touched: Touched
  readonly #folders = new Set<string>()

  constructor(disk: Disk, root: string, touched: Touched) {
    this.#disk = disk
    this.#root = root
    this.#touched = touched
  }

  /**
   * The absolute path of `path` (segments joined by `/`), or null when a parent is missing.
   *
   * @throws {PathTrouble} `ENOTDIR` when a parent is anything but a folder, `ENAMETOOLONG` for a name over 255 bytes.
   */
  locate(path: string): string | null {
    checkSegments(path)
    for (const parent of parentsOf(path)) {
      if (this.#isFolder(parent)) continue
      return null
    }
    return this.absolute(path)
  }

  /** Like {@link locate}, but makes the parents that are missing. */
  makeParents(path: string): string {
    checkSegments(path)
    for (const parent of parentsOf(path)) {
      if (!this.#isFolder(parent)) this.makeFolder(parent)
    }
    return this.absolute(path)
  }

  /** Makes one folder, or finds that it is there by now. Its parents must have been located. */
  makeFolder(path: string): void {
    try {
      this.#disk.makeFolder(this.absolute(path))
    } catch (error) {
      if (systemCode(error) !== 'EEXIST' || !this.#isFolder(path)) throw error
    }
    this.#folders.add(path)
    this.#touched.nameIn(this.absolute(path))
  }

  /** What is at a path whose parents have been located. */
  look(path: string): 'folder' | 'missing' | 'taken' {
    if (this.#folders.has(path)) return 'folder'
    const entry = this.#disk.lstat(this.absolute(path))
    if (entry === null) return 'missing'
    if (entry.kind !== 'folder') return 'taken'
    this.#folders.add(path)
    return 'folder'
  }

  absolute(path: string): string {
    return `${this.#root}/${path}`
  }

  /** To be called when `path` may be a folder no longer; without one, everything is looked at anew. */
  forget(path?: string): void {
    if (path === undefined) this.#folders.clear()
    else this.#folders.delete(path)
  }

  #isFolder(path: string): boolean {
    const found = this.look(path)
    if (found === 'taken') throw new PathTrouble('ENOTDIR', `"${path}" is not a folder`)
    return found === 'folder'
  }
}

function* parentsOf(path: string): Generator<string> {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) yield path.slice(0, slash)
}

function checkSegments(path: string): void {
  for (const name of path.split('/')) {
    // The type says so already; this is the last line before the disk.
    assert(name !== '' && name !== '.' && name !== '..' && !name.includes('\0'), 'a path must be relative')
    if (name.length > nameBytesMax / 4 && Buffer.byteLength(name) > nameBytesMax) {
      throw new PathTrouble('ENAMETOOLONG', `the name is longer than ${nameBytesMax} bytes`)
    }
  }
}
