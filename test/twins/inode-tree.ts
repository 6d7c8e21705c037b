import { DiskError } from '../../src/disk/disk-error.ts'
import {
  findPlace,
  makeDurable,
  resizeFile,
  revertToDurable,
  visitInodes,
  type FileInode,
  type FolderInode,
  type Inode,
} from './memory-inode.ts'

export interface InodeTreeOptions {
  readonly now: () => bigint
  readonly capacityBytes: number
  readonly ignoresCase: boolean
}

/**
 * The names and inodes of a {@link MemoryDisk}, their times, and the bytes that they use. Paths are absolute, and methods
 * throw a {@link DiskError} as the system would.
 */
export class InodeTree {
  capacityBytes: number
  readonly #now: () => bigint
  readonly #ignoresCase: boolean
  readonly #root: FolderInode
  #lastNumber = 1n
  #usedBytes = 0

  constructor({ now, capacityBytes, ignoresCase }: InodeTreeOptions) {
    this.#now = now
    this.#ignoresCase = ignoresCase
    this.capacityBytes = capacityBytes
    this.#root = this.newFolder()
  }

  get leftBytes(): number {
    return Math.max(0, this.capacityBytes - this.#usedBytes)
  }

  newFile(mode: number): FileInode {
    const bytes = new Uint8Array(0)
    return { kind: 'file', ...this.#newBase(mode), bytes, opened: 0, durable: null, isDirty: true }
  }

  newFolder(): FolderInode {
    const names = { names: new Map(), durableNames: new Map(), undecodableNames: 0, ignoresCase: this.#ignoresCase }
    return { kind: 'folder', ...this.#newBase(0o755), ...names }
  }

  newSymlink(target: string): Inode {
    return { kind: 'symlink', ...this.#newBase(0o777), target }
  }

  newOther(): Inode {
    return { kind: 'other', ...this.#newBase(0o644) }
  }

  /** What has this name, not followed; undefined when nothing has. */
  find(path: string): Inode | undefined {
    const { folder, name } = findPlace(this.#root, path)
    return name === '' ? this.#root : folder.names.get(name)
  }

  entry(path: string): Inode {
    const inode = this.find(path)
    if (inode === undefined) throw new DiskError('ENOENT', path)
    return inode
  }

  folder(path: string): FolderInode {
    const inode = this.entry(path)
    if (inode.kind !== 'folder') throw new DiskError('ENOTDIR', path)
    return inode
  }

  file(path: string): FileInode {
    const inode = this.entry(path)
    if (inode.kind !== 'file') throw new DiskError('EINVAL', path)
    return inode
  }

  add(path: string, inode: Inode): void {
    const { folder, name } = findPlace(this.#root, path)
    if (name === '' || folder.names.has(name)) throw new DiskError('EEXIST', path)
    this.#requireWritable(folder, path)
    folder.names.set(name, inode)
    inode.links++
    this.touch(folder)
  }

  remove(path: string): void {
    const { folder, name } = findPlace(this.#root, path)
    const inode = folder.names.get(name)
    if (inode === undefined) throw new DiskError('ENOENT', path)
    this.#requireWritable(folder, path)
    folder.names.delete(name)
    inode.links--
    inode.ctimeNs = this.#now()
    this.touch(folder)
    this.release(inode)
  }

  rename(from: string, to: string): void {
    const inode = this.entry(from)
    const old = this.find(to)
    // POSIX: two names of one file both stay.
    if (old === inode) return
    if (inode.kind === 'folder' && `${to}/`.startsWith(`${from}/`)) throw new DiskError('EINVAL', to)
    for (const path of [from, to]) this.#requireWritable(findPlace(this.#root, path).folder, path)
    if (old !== undefined) {
      requireReplaceable(inode, old, to)
      this.remove(to)
    }
    const place = findPlace(this.#root, from)
    place.folder.names.delete(place.name)
    this.touch(place.folder)
    inode.links--
    this.add(to, inode)
    inode.ctimeNs = this.#now()
  }

  /** @throws {DiskError} `ENOSPC`, and the file is as it was. */
  resize(file: FileInode, sizeBytes: number, path: string): void {
    const addedBytes = sizeBytes - file.bytes.length
    if (addedBytes > this.leftBytes) throw new DiskError('ENOSPC', path)
    this.#usedBytes += addedBytes
    resizeFile(file, sizeBytes)
  }

  /** Its content changed just now. */
  touch(inode: Inode): void {
    inode.mtimeNs = inode.ctimeNs = this.#now()
    if (inode.kind === 'file') inode.isDirty = true
  }

  setMetadata(inode: Inode, metadata: { mode?: number; mtimeNs?: bigint }): void {
    Object.assign(inode, metadata)
    inode.ctimeNs = this.#now()
    if (inode.kind === 'file') inode.isDirty = true
  }

  /** Gives back the room of a file that has neither a name nor a handle. Its bytes stay: a crash may bring it back. */
  release(inode: Inode): void {
    if (inode.kind !== 'file' || inode.links > 0 || inode.opened > 0) return
    this.#usedBytes -= inode.bytes.length
  }

  makeAllDurable(): void {
    visitInodes(this.#root, makeDurable)
  }

  makeNamesDurable(): void {
    visitInodes(this.#root, (inode) => {
      if (inode.kind === 'folder') makeDurable(inode)
    })
  }

  crash(survives: (path: string) => boolean): void {
    this.#usedBytes = revertToDurable(this.#root, survives)
  }

  #newBase(mode: number) {
    const nowNs = this.#now()
    const access = { read: true, write: true }
    return { number: this.#lastNumber++, mode, mtimeNs: nowNs, ctimeNs: nowNs, links: 0, access }
  }

  #requireWritable(folder: FolderInode, path: string): void {
    if (!folder.access.write) throw new DiskError('EACCES', path)
  }
}

function requireReplaceable(inode: Inode, old: Inode, path: string): void {
  if (old.kind === 'folder') {
    if (inode.kind !== 'folder') throw new DiskError('EISDIR', path)
    requireEmpty(old, path)
  } else if (inode.kind === 'folder') {
    throw new DiskError('ENOTDIR', path)
  }
}

/** @throws {DiskError} `ENOTEMPTY`. */
export function requireEmpty(folder: FolderInode, path: string): void {
  if (folder.names.size + folder.undecodableNames > 0) throw new DiskError('ENOTEMPTY', path)
}
