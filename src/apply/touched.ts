import { stagingFolder } from '../blocks/staged-file.ts'
import { systemCode } from '../model/errors.ts'
import type { Disk } from '../ports/disk.ts'
import { historyFolder } from './private-folder.ts'

/** Up to so many are made durable one by one; beyond, one flush of the whole file system costs less. */
const singlyMax = 16

/** Remembers which files and folders were changed, and makes them durable together. */
export class Touched {
  readonly #disk: Disk
  readonly #root: string
  readonly #files = new Set<string>()
  readonly #folders = new Set<string>()

  /** `root` is the absolute path of the synced folder. */
  constructor(disk: Disk, root: string) {
    this.#disk = disk
    this.#root = root
  }

  /** A file whose bytes or metadata changed. */
  file(path: string): void {
    this.#files.add(path)
  }

  /** A name that came, went or changed its meaning: its folder is what must reach the disk. */
  nameIn(path: string): void {
    this.#folders.add(path.slice(0, path.lastIndexOf('/')) || '/')
  }

  /**
   * Makes everything durable and forgets it: history before what it was saved from, so that a power cut leaves an old
   * version under one of its names, and staging last, so that no new one is left without any.
   *
   * @returns for each path that could not be, the system's error; when the file system was asked as a whole and failed,
   * every path is there. Paths that are gone by now need nothing.
   */
  *flush(): Generator<void, ReadonlyMap<string, unknown>> {
    const paths: (readonly [path: string, isFolder: boolean])[] = [
      ...[...this.#files].map((path) => [path, false] as const),
      ...[...this.#folders].sort((a, b) => this.#rank(a) - this.#rank(b)).map((path) => [path, true] as const),
    ]
    this.#files.clear()
    this.#folders.clear()
    if (paths.length > singlyMax) {
      const trouble = this.#flushAll()
      if (trouble === null) return new Map()
      if (trouble !== unsupported) return new Map(paths.map(([path]) => [path, trouble]))
    }
    const failures = new Map<string, unknown>()
    for (const [index, [path, isFolder]] of paths.entries()) {
      const trouble = this.#flushOne(path, isFolder)
      if (trouble !== null) failures.set(path, trouble)
      if (index % singlyMax === singlyMax - 1) yield
    }
    return failures
  }

  #rank(folder: string): number {
    if (folder === `${this.#root}/${stagingFolder}`) return 2
    return folder.startsWith(`${this.#root}/${historyFolder}`) ? 0 : 1
  }

  /** The error of one path, or null. */
  #flushOne(path: string, isFolder: boolean): unknown {
    try {
      if (isFolder) this.#disk.syncFolder(path)
      else this.#flushFile(path)
      return null
    } catch (error) {
      const code = systemCode(error)
      if (code === '') throw error
      if (needsNothing.has(code)) return null
      // Not even readable to us, perhaps: the file system as a whole does not ask for that.
      if (code === 'EACCES' && this.#flushAll() === null) return null
      return error
    }
  }

  #flushFile(path: string): void {
    const handle = this.#disk.openRead(path)
    try {
      this.#disk.sync(handle)
    } finally {
      this.#disk.close(handle)
    }
  }

  #flushAll(): unknown {
    try {
      return this.#disk.syncFileSystem(this.#root) ? null : unsupported
    } catch (error) {
      if (systemCode(error) === '') throw error
      return error
    }
  }
}

const unsupported = Symbol('the file system cannot be flushed as a whole')

// Gone, or something else by now, or a file system that has no such thing as a flush of a folder.
const needsNothing: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EINVAL', 'ELOOP', 'ENOTSUP', 'EOPNOTSUPP'])
