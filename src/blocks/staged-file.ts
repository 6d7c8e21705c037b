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

/**
 * Opens the staged file at `path` to be read and written, whatever mode an earlier try gave it. Null when there is none, and
 * when it is a file of the folder by now: a kill right after that got its name leaves this one too. Then this one goes, and
 * no byte and no mode is changed.
 *
 * @throws what the disk throws.
 */
export function openStaged(disk: Disk, path: string): FileHandle | null {
  try {
    return openOnly(disk, path)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return null
    if (code !== 'EMLINK') throw error
    disk.unlink(path)
    return null
  }
}

function openOnly(disk: Disk, path: string): FileHandle {
  try {
    return disk.openWrite(path, onlyName)
  } catch (error) {
    if (systemCode(error) !== 'EACCES' || disk.lstat(path)?.kind !== 'file') throw error
    // It may have the mode of a read-only file that it was to replace.
    disk.setPathMode(path, 0o600, onlyName)
    return disk.openWrite(path, onlyName)
  }
}

/** Null when nothing is there any more. */
function openAnyhow(disk: Disk, path: string): FileHandle | null {
  try {
    return openStaged(disk, path)
  } catch (error) {
    const kind = disk.lstat(path)?.kind
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
    this.#handle = isResumableName(staged)
      ? this.#disk.openWrite(path, onlyName)
      : openOrCreate(this.#disk, path, offset)
    this.#staged = staged
    return this.#handle
  }
}

function openOrCreate(disk: Disk, path: string, offset: number): FileHandle {
  // A file's first block mostly comes first: trying what mostly succeeds saves an exception a file.
  const order = offset === 0 ? [create, openStaged] : [openStaged, create]
  // Another thread may make it in between.
  const handle = order[0]!(disk, path) ?? order[1]!(disk, path) ?? order[0]!(disk, path)
  assert(handle !== null, 'a staged file either exists or can be created')
  return handle
}

function create(disk: Disk, path: string): FileHandle | null {
  try {
    return disk.create(path, 0o600)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return null
    throw error
  }
}

const onlyName = { onlyName: true }
