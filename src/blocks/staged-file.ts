import { assert, systemCode } from '../model/errors.ts'
import { privateFolderName } from '../model/relative-path.ts'
import type { Disk, FileHandle } from '../ports/disk.ts'
import { isResumableName } from './staged-name.ts'
import { writeSparse } from './write-sparse.ts'

/** Relative to the root. */
export const stagingFolder = `${privateFolderName}/staging`

/** The absolute path of a staged file. The name is ours: anything but a plain name is a bug. */
export function stagedPath(root: string, staged: string): string {
  assert(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/.test(staged), 'a staged name is plain')
  return `${root}/${stagingFolder}/${staged}`
}

/**
 * Opens the staged file at `path` to be read and written, whatever mode it has; makes it (0600) where there is none, and
 * where something stands that is no file. Marks it as changed now: who clears old ones away leaves it.
 *
 * @throws what the disk throws.
 */
export function beginStaged(disk: Disk, path: string): FileHandle {
  const handle = openAnyhow(disk, path) ?? disk.create(path, 0o600)
  disk.setMode(handle, 0o600)
  return handle
}

/** Null when nothing is there any more. */
function openAnyhow(disk: Disk, path: string): FileHandle | null {
  try {
    return disk.openWrite(path)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return null
    const kind = disk.lstat(path)?.kind
    if (code === 'EACCES' && kind === 'file') {
      disk.setPathMode(path, 0o600)
      return disk.openWrite(path)
    }
    if (kind !== 'symlink' && kind !== 'other') throw error
    disk.unlink(path)
    return null
  }
}

/**
 * Writes into staged files; the last one stays open. One of a resumable name must have been begun: a file that vanished
 * meanwhile would else begin anew, without the blocks that it was said to hold.
 */
export class StageWriter {
  readonly #disk: Disk
  readonly #root: string
  #staged = ''
  #handle: FileHandle | null = null

  constructor(disk: Disk, root: string) {
    this.#disk = disk
    this.#root = root
  }

  /** @throws what the disk throws: `ENOENT` when a file of a resumable name is not there. */
  write(staged: string, offset: number, bytes: Uint8Array): void {
    writeSparse(this.#disk, this.#open(staged, offset), bytes, offset)
  }

  close(): void {
    const handle = this.#handle
    this.#handle = null
    if (handle !== null) this.#disk.close(handle)
  }

  #open(staged: string, offset: number): FileHandle {
    if (this.#handle !== null && staged === this.#staged) return this.#handle
    this.close()
    const path = stagedPath(this.#root, staged)
    this.#handle = isResumableName(staged) ? this.#disk.openWrite(path) : openOrCreate(this.#disk, path, offset)
    this.#staged = staged
    return this.#handle
  }
}

function openOrCreate(disk: Disk, path: string, offset: number): FileHandle {
  // A file's first block mostly comes first: trying what mostly succeeds saves an exception a file.
  const order = offset === 0 ? [create, openWrite] : [openWrite, create]
  // Another thread may make it in between.
  const handle = order[0]!(disk, path) ?? order[1]!(disk, path) ?? order[0]!(disk, path)
  assert(handle !== null, 'a staged file either exists or can be created')
  return handle
}

function create(disk: Disk, path: string): FileHandle | null {
  return unlessCode('EEXIST', () => disk.create(path, 0o600))
}

function openWrite(disk: Disk, path: string): FileHandle | null {
  return unlessCode('ENOENT', () => disk.openWrite(path))
}

function unlessCode(code: string, open: () => FileHandle): FileHandle | null {
  try {
    return open()
  } catch (error) {
    if (systemCode(error) === code) return null
    throw error
  }
}
