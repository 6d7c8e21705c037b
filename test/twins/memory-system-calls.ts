import { DiskError } from '../../src/disk/disk-error.ts'
import type { Disk, DiskEntry, FileHandle, FolderEntry, OnlyName } from '../../src/ports/disk.ts'
import { InodeTree, requireEmpty } from './inode-tree.ts'
import { entryOf, makeDurable, type FileInode } from './memory-inode.ts'

export interface MemoryDiskOptions {
  /** Nanoseconds since 1970, more at each call: without it, a counter that goes up by a millisecond. */
  readonly now?: () => bigint
  readonly capacityBytes?: number
  /** False: as on a system that cannot flush a whole file system. */
  readonly canSyncFileSystem?: boolean
  /** False: as on a file system without reflinks. */
  readonly canClone?: boolean
  /** True: as on VFAT, APFS or NTFS; a rename of a file to what is its own name there does nothing. */
  readonly ignoresCase?: boolean
}

/** The system calls of a {@link MemoryDisk}. */
export class MemorySystemCalls implements Disk {
  /**
   * Called before each operation with its path (of two, the second; of an open file, that it was opened by): may throw
   * to make it fail, or change this disk, as another program would at that moment. What it does itself is not reported.
   */
  onCall: ((operation: keyof Disk, path: string) => void) | undefined

  /** Folders on which another file system is mounted. */
  protected readonly mounts = new Set<string>()
  protected readonly inodes: InodeTree
  protected readonly open = new Map<FileHandle, OpenFile>()
  readonly #canSyncFileSystem: boolean
  readonly #canClone: boolean
  #lastHandle = 2
  #isQuiet = false

  constructor(options: MemoryDiskOptions = {}) {
    let nowNs = 1_767_225_600_000_000_000n
    const now = options.now ?? (() => (nowNs += 1_000_000n))
    const { capacityBytes = 2 ** 40, ignoresCase = false } = options
    this.inodes = new InodeTree({ now, capacityBytes, ignoresCase })
    this.#canSyncFileSystem = options.canSyncFileSystem ?? true
    this.#canClone = options.canClone ?? true
  }

  /** Does something without telling `onCall`. */
  quietly<Result>(act: () => Result): Result {
    const wasQuiet = this.#isQuiet
    this.#isQuiet = true
    try {
      return act()
    } finally {
      this.#isQuiet = wasQuiet
    }
  }

  lstat(path: string): DiskEntry | null {
    this.#call('lstat', path)
    try {
      const inode = this.inodes.find(path)
      return inode === undefined ? null : entryOf(inode)
    } catch (error) {
      if (error instanceof DiskError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null
      throw error
    }
  }

  fileSystemAt(path: string): bigint | null {
    this.#call('fileSystemAt', path)
    if (this.quietly(() => this.lstat(path)) === null) return null
    const above = [...this.mounts].filter((mount) => path === mount || path.startsWith(`${mount}/`))
    return BigInt(above.length)
  }

  readFolder(path: string): readonly FolderEntry[] {
    this.#call('readFolder', path)
    const folder = this.inodes.folder(path)
    if (!folder.access.read) throw new DiskError('EACCES', path)
    const entries: FolderEntry[] = [...folder.names].map(([name, { kind }]) => ({ name, kind }))
    for (let i = 0; i < folder.undecodableNames; i++) entries.push({ name: null, kind: 'file' })
    return entries
  }

  readLink(path: string): string {
    this.#call('readLink', path)
    const inode = this.inodes.entry(path)
    if (inode.kind !== 'symlink') throw new DiskError('EINVAL', path)
    return inode.target
  }

  openRead(path: string): FileHandle {
    this.#call('openRead', path)
    const file = this.inodes.file(path)
    if (!file.access.read) throw new DiskError('EACCES', path)
    return this.#newHandle({ inode: file, path, isWritable: false })
  }

  openWrite(path: string, { onlyName }: OnlyName = { onlyName: false }): FileHandle {
    this.#call('openWrite', path)
    const file = this.inodes.file(path)
    if (onlyName && file.links > 1) throw new DiskError('EMLINK', path)
    if (!file.access.read || !file.access.write) throw new DiskError('EACCES', path)
    return this.#newHandle({ inode: file, path, isWritable: true })
  }

  create(path: string, mode: number): FileHandle {
    this.#call('create', path)
    const inode = this.inodes.newFile(mode)
    this.inodes.add(path, inode)
    return this.#newHandle({ inode, path, isWritable: true })
  }

  read(handle: FileHandle, target: Uint8Array, position: number): number {
    const { inode } = this.#callOpen('read', handle)
    const found = inode.bytes.subarray(position, position + target.length)
    target.set(found)
    return found.length
  }

  write(handle: FileHandle, bytes: Uint8Array, position: number): void {
    const { inode, path } = this.#callToWrite('write', handle)
    // A disk that fills up takes what still fits.
    const fits = Math.min(bytes.length, Math.max(0, inode.bytes.length + this.inodes.leftBytes - position))
    if (position + fits > inode.bytes.length) this.inodes.resize(inode, position + fits, path)
    inode.bytes.set(bytes.subarray(0, fits), position)
    this.inodes.touch(inode)
    if (fits < bytes.length) throw new DiskError('ENOSPC', path)
  }

  truncate(handle: FileHandle, sizeBytes: number): void {
    const { inode, path } = this.#callToWrite('truncate', handle)
    this.inodes.resize(inode, sizeBytes, path)
    this.inodes.touch(inode)
  }

  fstat(handle: FileHandle): DiskEntry {
    return entryOf(this.#callOpen('fstat', handle).inode)
  }

  setMode(handle: FileHandle, mode: number): void {
    this.inodes.setMetadata(this.#callOpen('setMode', handle).inode, { mode })
  }

  setMtime(handle: FileHandle, mtimeNs: bigint): void {
    this.inodes.setMetadata(this.#callOpen('setMtime', handle).inode, { mtimeNs: toMicrosecond(mtimeNs) })
  }

  sync(handle: FileHandle): void {
    makeDurable(this.#callOpen('sync', handle).inode)
  }

  close(handle: FileHandle): void {
    const { inode } = this.#callOpen('close', handle)
    this.open.delete(handle)
    inode.opened--
    this.inodes.release(inode)
  }

  makeFolder(path: string): void {
    this.#call('makeFolder', path)
    this.inodes.add(path, this.inodes.newFolder())
  }

  makeLink(path: string, target: string): void {
    this.#call('makeLink', path)
    this.inodes.add(path, this.inodes.newSymlink(target))
  }

  setLinkMtime(path: string, mtimeNs: bigint): void {
    this.#call('setLinkMtime', path)
    this.inodes.setMetadata(this.inodes.entry(path), { mtimeNs: toMicrosecond(mtimeNs) })
  }

  setPathMode(path: string, mode: number, { onlyName }: OnlyName = { onlyName: false }): void {
    this.#call('setPathMode', path)
    const inode = this.inodes.entry(path)
    if (onlyName && inode.links > 1) throw new DiskError('EMLINK', path)
    if (inode.kind !== 'file' && inode.kind !== 'folder') throw new DiskError('EINVAL', path)
    this.inodes.setMetadata(inode, { mode })
  }

  hardLink(from: string, to: string): void {
    this.#call('hardLink', to)
    const inode = this.inodes.entry(from)
    if (inode.kind === 'folder') throw new DiskError('EPERM', from)
    this.inodes.add(to, inode)
    this.inodes.setMetadata(inode, {})
  }

  rename(from: string, to: string): void {
    this.#call('rename', to)
    this.inodes.rename(from, to)
  }

  copyFile(from: string, to: string): void {
    this.#call('copyFile', to)
    this.quietly(() => {
      const source = this.openRead(from)
      const { bytes, mode } = this.inodes.file(from)
      this.close(source)
      const handle = this.create(to, mode)
      try {
        this.write(handle, bytes, 0)
      } catch (error) {
        this.unlink(to)
        throw error
      } finally {
        this.close(handle)
      }
    })
  }

  cloneFile(from: string, to: string): boolean {
    this.#call('cloneFile', to)
    if (this.#canClone) this.quietly(() => this.copyFile(from, to))
    return this.#canClone
  }

  unlink(path: string): void {
    this.#call('unlink', path)
    if (this.inodes.entry(path).kind === 'folder') throw new DiskError('EISDIR', path)
    this.inodes.remove(path)
  }

  removeFolder(path: string): void {
    this.#call('removeFolder', path)
    requireEmpty(this.inodes.folder(path), path)
    this.inodes.remove(path)
  }

  syncFolder(path: string): void {
    this.#call('syncFolder', path)
    makeDurable(this.inodes.folder(path))
  }

  syncFileSystem(path: string): boolean {
    this.#call('syncFileSystem', path)
    if (this.#canSyncFileSystem) this.inodes.makeAllDurable()
    return this.#canSyncFileSystem
  }

  freeBytes(path: string): number {
    this.#call('freeBytes', path)
    this.inodes.entry(path)
    return this.inodes.leftBytes
  }

  #call(operation: keyof Disk, path: string): void {
    const { onCall } = this
    if (onCall !== undefined && !this.#isQuiet) this.quietly(() => onCall(operation, path))
  }

  #callOpen(operation: keyof Disk, handle: FileHandle): OpenFile {
    const open = this.open.get(handle)
    this.#call(operation, open?.path ?? '')
    if (open === undefined) throw new DiskError('EBADF', operation)
    return open
  }

  #callToWrite(operation: keyof Disk, handle: FileHandle): OpenFile {
    const open = this.#callOpen(operation, handle)
    if (!open.isWritable) throw new DiskError('EBADF', operation)
    return open
  }

  #newHandle(open: OpenFile): FileHandle {
    const handle = ++this.#lastHandle as FileHandle
    open.inode.opened++
    this.open.set(handle, open)
    return handle
  }
}

interface OpenFile {
  readonly inode: FileInode
  readonly path: string
  readonly isWritable: boolean
}

function toMicrosecond(ns: bigint): bigint {
  return ns - (((ns % 1000n) + 1000n) % 1000n)
}
