import type { DiskState } from '../model/disk-state.ts'

/**
 * A file system, synchronous: it is called on a file worker, where that is the fastest way by far. Paths are absolute;
 * symlinks are never followed in the last segment. Failures throw errors with the system's `code`
 * (`ENOENT`, `EACCES`, `ENOSPC`, ...).
 */
export interface Disk {
  /** What is there, or null when nothing is. */
  lstat(path: string): DiskEntry | null
  /** A number that two paths share when one file system holds what is there; null where nothing is. */
  fileSystemAt(path: string): bigint | null
  /** The entries of a folder in no order; a name that is not UTF-8 comes with `name: null`. */
  readFolder(path: string): readonly FolderEntry[]
  readLink(path: string): string

  /**
   * Opens a regular file without following a link and without blocking on a FIFO; throws `EINVAL` for anything else.
   * `unchecked`: it may be anything else all the same, and the caller sees by {@link Disk.fstat} before it believes what it
   * read: that saves a call. Reading takes nothing from a FIFO or a terminal, it throws `ESPIPE`.
   */
  openRead(path: string, options?: { readonly unchecked: boolean }): FileHandle
  /** Creates a file that must not exist (`EEXIST`), with this mode. */
  create(path: string, mode: number): FileHandle
  /**
   * Opens an existing regular file for reading and writing. `onlyName`: throws `EMLINK` when it has another name, for then
   * it may be somebody's.
   */
  openWrite(path: string, options?: OnlyName): FileHandle
  /** Bytes read into `target`, 0 at the end. */
  read(handle: FileHandle, target: Uint8Array, position: number): number
  /** Writes all of `bytes`. */
  write(handle: FileHandle, bytes: Uint8Array, position: number): void
  truncate(handle: FileHandle, sizeBytes: number): void
  fstat(handle: FileHandle): DiskEntry
  setMode(handle: FileHandle, mode: number): void
  /** Exact to a microsecond. */
  setMtime(handle: FileHandle, mtimeNs: bigint): void
  /** Returns once the file's bytes and metadata are durable. */
  sync(handle: FileHandle): void
  close(handle: FileHandle): void

  makeFolder(path: string): void
  makeLink(path: string, target: string): void
  /** For symlinks: sets the link's own time. */
  setLinkMtime(path: string, mtimeNs: bigint): void
  /** `onlyName` as for {@link Disk.openWrite}. */
  setPathMode(path: string, mode: number, options?: OnlyName): void
  /** A second name for a file: throws `EEXIST` when `to` exists, `EPERM`/`ENOTSUP` where the file system cannot. */
  hardLink(from: string, to: string): void
  /** Atomic; replaces a file or symlink at `to`. */
  rename(from: string, to: string): void
  /** Copies a regular file by reflink where the file system can; `to` must not exist. */
  copyFile(from: string, to: string): void
  /**
   * Makes a copy that shares its bytes on disk with a regular file (reflink): it takes no time and no room. `to` must not
   * exist. Returns false, and makes nothing, where the file system cannot.
   */
  cloneFile(from: string, to: string): boolean
  unlink(path: string): void
  removeFolder(path: string): void
  /** Makes the names in a folder durable. */
  syncFolder(path: string): void
  /** Makes the whole file system that holds `path` durable; returns false where that cannot be asked for. */
  syncFileSystem(path: string): boolean
  freeBytes(path: string): number
}

export interface OnlyName {
  readonly onlyName: boolean
}

/** Opaque: only the disk that made it may read it. */
export type FileHandle = number & { readonly __brand: 'FileHandle' }

/** Anything but files, folders and symlinks is `other`: it is never opened. */
export type DiskEntry = DiskState | { readonly kind: 'other' }

export interface FolderEntry {
  readonly name: string | null
  readonly kind: 'file' | 'folder' | 'symlink' | 'other'
}
