import type { RelativePath } from '../model/relative-path.ts'
import type { Disk, FileHandle } from '../ports/disk.ts'
import { unlessDiskTrouble } from './disk-trouble.ts'
import { readFully } from './read-fully.ts'

/**
 * Reads pieces of the folder's files for one job. Keeps the file of the last piece open, looks at each parent once, and
 * never goes through a symlink. What cannot be read is not an error here: the caller gets the bytes elsewhere.
 */
export class SourceReader {
  readonly #disk: Disk
  readonly #root: string
  readonly #folders = new Map<string, boolean>()
  #path: RelativePath | '' = ''
  #handle: FileHandle | null = null

  constructor(disk: Disk, root: string) {
    this.#disk = disk
    this.#root = root
  }

  /** Fills all of `target` from `offset` on; false when the file does not hold that. */
  read(path: RelativePath, offset: number, target: Uint8Array): boolean {
    const isRead = unlessDiskTrouble(() => {
      const handle = this.open(path)
      return handle !== null && readFully(this.#disk, handle, target, offset) === target.length
    })
    return isRead === true
  }

  /**
   * The file at `path`, null when a parent is no folder. The handle stays the reader's.
   *
   * @throws what the disk throws.
   */
  open(path: RelativePath): FileHandle | null {
    if (path === this.#path) return this.#handle
    this.close()
    const absolute = this.locate(path)
    if (absolute !== null) this.#handle = this.#disk.openRead(absolute)
    this.#path = path
    return this.#handle
  }

  /** The absolute path of what is at `path`, null when a parent is no folder. The last segment is not looked at. */
  locate(path: RelativePath): string | null {
    return this.#isBelowFolders(path) ? `${this.#root}/${path}` : null
  }

  close(): void {
    if (this.#handle !== null) this.#disk.close(this.#handle)
    this.#handle = null
    this.#path = ''
  }

  #isBelowFolders(path: string): boolean {
    const slash = path.lastIndexOf('/')
    if (slash < 0) return true
    const parent = path.slice(0, slash)
    let isFolder = this.#folders.get(parent)
    if (isFolder === undefined) {
      isFolder = this.#isBelowFolders(parent) && this.#disk.lstat(`${this.#root}/${parent}`)?.kind === 'folder'
      this.#folders.set(parent, isFolder)
    }
    return isFolder
  }
}
