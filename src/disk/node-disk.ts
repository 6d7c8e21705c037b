import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tellableTime, type DiskState } from '../model/disk-state.ts'
import { systemCode } from '../model/errors.ts'
import type { Disk, DiskEntry, FileHandle, FolderEntry, OnlyName } from '../ports/disk.ts'
import { DiskError } from './disk-error.ts'
import { mtimeSeconds } from './mtime-seconds.ts'
import { ownHandles } from './own-handles.ts'
import { readNames } from './read-names.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants
const { COPYFILE_EXCL, COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } = fs.constants
const regularFlags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
const onLinux = process.platform === 'linux'
const onWindows = process.platform === 'win32'
// Node does not name it: opens a place without any right to what is there.
const O_PATH = 0o10000000
const temporaryFileSystems: ReadonlySet<number> = new Set([0x01021994 /* tmpfs */, 0x858458f6 /* ramfs */])

const cannotCloneCodes: ReadonlySet<string> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'ENOTTY', 'EXDEV', 'EINVAL'])

const lstatOptions = { bigint: true, throwIfNoEntry: false } as const
const fstatOptions = { bigint: true } as const
const anyNames: OnlyName = { onlyName: false }
const checked: OpenOptions = {}

/**
 * The file system of this machine by synchronous system calls: 2 microseconds for a look, and an order faster than
 * promises, but only a file worker may wait for it.
 *
 * On Linux the last segment of a path is never followed, even when a symlink is swapped in meanwhile: what cannot be told
 * not to follow goes through {@link ownHandles}. Elsewhere a look comes first, which leaves a moment between.
 * Modes are given less the umask of the process. A failure of another kind than {@link DiskError} is Node's own.
 */
export class NodeDisk implements Disk {
  lstat(path: string): DiskEntry | null {
    const stats = lookAt(path)
    return stats === null ? null : entryOf(stats)
  }

  fileSystemAt(path: string): bigint | null {
    return lookAt(path)?.dev ?? null
  }

  readFolder(path: string): readonly FolderEntry[] {
    if (ownHandles === null) {
      if (this.lstat(path)?.kind === 'symlink') throw new DiskError('ENOTDIR', path)
      return readNames(path)
    }
    return withOpen(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, (handle) => readNames(`${ownHandles}/${handle}`))
  }

  readLink(path: string): string {
    return fs.readlinkSync(path)
  }

  openRead(path: string, options: OpenOptions = checked): FileHandle {
    return openRegular(path, O_RDONLY | regularFlags, options)
  }

  create(path: string, mode: number): FileHandle {
    return fs.openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode) as FileHandle
  }

  openWrite(path: string, options: OnlyName = anyNames): FileHandle {
    return openRegular(path, O_RDWR | regularFlags, options)
  }

  read(handle: FileHandle, target: Uint8Array, position: number): number {
    return fs.readSync(handle, target, 0, target.length, position)
  }

  write(handle: FileHandle, bytes: Uint8Array, position: number): void {
    let written = 0
    while (written < bytes.length) {
      written += fs.writeSync(handle, bytes, written, bytes.length - written, position + written)
    }
  }

  truncate(handle: FileHandle, sizeBytes: number): void {
    fs.ftruncateSync(handle, sizeBytes)
  }

  fstat(handle: FileHandle): DiskEntry {
    return entryOf(fs.fstatSync(handle, fstatOptions))
  }

  setMode(handle: FileHandle, mode: number): void {
    fs.fchmodSync(handle, mode)
  }

  /** Node takes seconds as a double: what is set is in the same microsecond, the digits below it are not kept. */
  setMtime(handle: FileHandle, mtimeNs: bigint): void {
    const seconds = timeArgument(mtimeNs)
    fs.futimesSync(handle, seconds, seconds)
  }

  sync(handle: FileHandle): void {
    fs.fsyncSync(handle)
  }

  close(handle: FileHandle): void {
    fs.closeSync(handle)
  }

  makeFolder(path: string): void {
    fs.mkdirSync(path)
  }

  makeLink(path: string, target: string): void {
    fs.symlinkSync(target, path)
  }

  setLinkMtime(path: string, mtimeNs: bigint): void {
    const seconds = timeArgument(mtimeNs)
    fs.lutimesSync(path, seconds, seconds)
  }

  /** @throws {DiskError} `EINVAL` unless a file or folder is there. */
  setPathMode(path: string, mode: number, { onlyName } = anyNames): void {
    if (ownHandles === null) {
      requireModeHolder(this.lstat(path), path)
      if (onlyName) requireOnlyName(fs.lstatSync(path), path)
      fs.chmodSync(path, mode)
      return
    }
    withOpen(path, O_PATH | O_NOFOLLOW, (handle) => {
      requireModeHolder(this.fstat(handle), path)
      if (onlyName) requireOnlyName(fs.fstatSync(handle), path)
      fs.chmodSync(`${ownHandles}/${handle}`, mode)
    })
  }

  hardLink(from: string, to: string): void {
    fs.linkSync(from, to)
  }

  rename(from: string, to: string): void {
    fs.renameSync(from, to)
  }

  /** The copy has the mode of the original. */
  copyFile(from: string, to: string): void {
    const source = openRegular(from, O_RDONLY | regularFlags)
    try {
      fs.copyFileSync(nameOf(source, from), to, COPYFILE_EXCL | COPYFILE_FICLONE)
    } finally {
      fs.closeSync(source)
    }
  }

  cloneFile(from: string, to: string): boolean {
    const source = openRegular(from, O_RDONLY | regularFlags)
    try {
      fs.copyFileSync(nameOf(source, from), to, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE)
      return true
    } catch (error) {
      if (cannotCloneCodes.has(systemCode(error))) return false
      throw error
    } finally {
      fs.closeSync(source)
    }
  }

  unlink(path: string): void {
    fs.unlinkSync(path)
  }

  removeFolder(path: string): void {
    fs.rmdirSync(path)
  }

  /** A system that cannot flush a folder (Windows, some network drives) is taken to keep names by itself. */
  syncFolder(path: string): void {
    if (onWindows) return
    withOpen(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, (handle) => {
      try {
        fs.fsyncSync(handle)
      } catch (error) {
        if (!['EINVAL', 'ENOTSUP'].includes(systemCode(error))) throw error
      }
    })
  }

  /** Linux only, by the `sync` program (syncfs): Node has no such call. Nothing to do where all is in memory anyway. */
  syncFileSystem(path: string): boolean {
    if (!onLinux) return false
    if (temporaryFileSystems.has(fs.statfsSync(path).type)) return true
    return spawnSync('sync', ['-f', path], { stdio: 'ignore' }).status === 0
  }

  freeBytes(path: string): number {
    const { bavail, bsize } = fs.statfsSync(path)
    return bavail * bsize
  }
}

function lookAt(path: string): fs.BigIntStats | null {
  try {
    return fs.lstatSync(path, lstatOptions) ?? null
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') return null
    throw error
  }
}

function entryOf(stats: fs.BigIntStats): DiskEntry {
  const mode = Number(stats.mode)
  const kind = stateKind(mode)
  if (kind === 'other') return otherEntry
  return {
    kind,
    sizeBytes: Number(stats.size),
    mtimeNs: tellableTime(stats.mtimeNs),
    ctimeNs: tellableTime(stats.ctimeNs),
    inode: stats.ino,
    mode: mode & 0o7777,
  }
}

const otherEntry: DiskEntry = { kind: 'other' }

function stateKind(mode: number): DiskState['kind'] | 'other' {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return 'file'
    case S_IFDIR:
      return 'folder'
    case S_IFLNK:
      return 'symlink'
    default:
      return 'other'
  }
}

/** What to name to the system for a file that is open; elsewhere than on Linux the path that it was opened by. */
function nameOf(handle: FileHandle, path: string): string {
  return ownHandles === null ? path : `${ownHandles}/${handle}`
}

interface OpenOptions {
  readonly unchecked?: boolean
  readonly onlyName?: boolean
}

function openRegular(path: string, flags: number, { unchecked, onlyName }: OpenOptions = checked): FileHandle {
  let handle: number
  try {
    handle = fs.openSync(path, flags)
  } catch (error) {
    // A symlink, a folder opened to write, a socket.
    if (['ELOOP', 'EISDIR', 'ENXIO'].includes(systemCode(error))) throw notRegular(path)
    throw error
  }
  if (unchecked === true) return handle as FileHandle
  const stats = fs.fstatSync(handle)
  if (stats.isFile() && (onlyName !== true || stats.nlink === 1)) return handle as FileHandle
  fs.closeSync(handle)
  throw stats.isFile() ? new DiskError('EMLINK', path) : notRegular(path)
}

function notRegular(path: string): DiskError {
  return new DiskError('EINVAL', path, `EINVAL: ${path} is no regular file`)
}

function requireOnlyName(stats: fs.Stats, path: string): void {
  if (stats.isFile() && stats.nlink > 1) throw new DiskError('EMLINK', path)
}

function requireModeHolder(entry: DiskEntry | null, path: string): void {
  if (entry === null) throw new DiskError('ENOENT', path)
  if (entry.kind !== 'file' && entry.kind !== 'folder') throw notRegular(path)
}

function withOpen<Result>(path: string, flags: number, act: (handle: FileHandle) => Result): Result {
  const handle = fs.openSync(path, flags)
  try {
    return act(handle as FileHandle)
  } finally {
    fs.closeSync(handle)
  }
}

// A negative number is taken for "now" by Node; the same number as text is not.
function timeArgument(mtimeNs: bigint): number | string {
  const seconds = mtimeSeconds(mtimeNs)
  return seconds < 0 ? String(seconds) : seconds
}
