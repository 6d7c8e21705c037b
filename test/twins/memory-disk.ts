import type { FileInode, FolderInode } from './memory-inode.ts'
import { MemorySystemCalls } from './memory-system-calls.ts'

export interface MemoryTreeEntry {
  readonly kind: 'file' | 'folder' | 'symlink' | 'other'
  /** Bytes as Latin-1: ASCII reads as it is, and nothing is lost. '' but for files. */
  readonly content: string
  /** '' but for symlinks. */
  readonly target: string
  readonly mode: number
}

/**
 * A disk in memory, as Linux would have it: inodes with hard links, symlinks that parents follow, times, modes, a byte
 * budget, and a power cut.
 *
 * Only what was synced survives {@link crash}: a file's bytes by `sync`, a folder's names by `syncFolder`, all by
 * `syncFileSystem`. That is harsher than a journal: a file renamed to another folder may have both names afterwards, or
 * none, until both folders are synced. Not modelled: users, umask, reuse of inode numbers,
 * normalising names, sparse files, the size of names.
 *
 * What this class adds is for tests: `onCall` hears of none of it.
 */
export class MemoryDisk extends MemorySystemCalls {
  /** How many handles are open: a job that ended must have closed its own. */
  get openHandles(): number {
    return this.open.size
  }

  /** How many bytes all files may have: `ENOSPC` beyond. */
  set capacityBytes(capacityBytes: number) {
    this.inodes.capacityBytes = capacityBytes
  }

  /** A power cut: handles are gone, and so is what was not synced, but for the paths for which `survives` is true. */
  crash(survives: (path: string) => boolean = () => false): void {
    this.open.clear()
    this.inodes.crash(survives)
  }

  /** What a process had open is closed when it ends, however it does. */
  closeAll(): void {
    for (const handle of this.open.keys()) this.quietly(() => this.close(handle))
  }

  /** A journal's commit: all names are durable, the bytes of files are not. */
  syncNames(): void {
    this.inodes.makeNamesDurable()
  }

  /** Creates a file and its parents, or writes the file that is there in place. */
  writeFile(path: string, data: string | Uint8Array, options: { mode?: number; mtimeNs?: bigint } = {}): void {
    this.makeFolders(path.slice(0, path.lastIndexOf('/')))
    this.quietly(() => {
      const handle = this.lstat(path) === null ? this.create(path, options.mode ?? 0o644) : this.openWrite(path)
      this.truncate(handle, 0)
      this.write(handle, typeof data === 'string' ? Buffer.from(data) : data, 0)
      if (options.mode !== undefined) this.setMode(handle, options.mode)
      if (options.mtimeNs !== undefined) this.setMtime(handle, options.mtimeNs)
      this.close(handle)
    })
  }

  /** Makes a folder and its parents where they are missing. */
  makeFolders(path: string): void {
    if (path === '' || this.quietly(() => this.lstat(path)) !== null) return
    this.makeFolders(path.slice(0, path.lastIndexOf('/')))
    this.quietly(() => this.makeFolder(path))
  }

  /** A copy of the file's bytes. */
  readFile(path: string): Uint8Array {
    return this.inodes.file(path).bytes.slice()
  }

  readText(path: string): string {
    return Buffer.from(this.inodes.file(path).bytes).toString('utf8')
  }

  /** A file's inode as it is, for what only a disk can do to it. */
  inodeOf(path: string): FileInode {
    return this.inodes.file(path)
  }

  /** A bit of a file flips, and nothing tells of it. */
  rot(path: string, offset: number): void {
    this.inodes.file(path).bytes[offset]! ^= 1
  }

  /** A FIFO, a socket or a device. */
  makeOther(path: string): void {
    this.inodes.add(path, this.inodes.newOther())
  }

  /** From now on this folder, and all below it, is on a file system of its own; nothing else about it changes. */
  mount(path: string): void {
    this.mounts.add(path)
  }

  /** Puts an entry into a folder whose name is not UTF-8. */
  addUndecodableName(folder: string): void {
    this.inodes.folder(folder).undecodableNames++
  }

  /** Without `read` a file cannot be opened nor a folder listed or entered; without `write` neither can be changed. */
  setAccess(path: string, access: { read?: boolean; write?: boolean }): void {
    Object.assign(this.inodes.entry(path).access, access)
  }

  /** All that lies below `root`, but for its entry `without` and what is in that, by path relative to it, in no order. */
  tree(root: string, without?: string): Map<string, MemoryTreeEntry> {
    const entries = new Map<string, MemoryTreeEntry>()
    const isThere = this.quietly(() => this.lstat(root))?.kind === 'folder'
    if (isThere) addEntries(this.inodes.folder(root), { prefix: '', without }, entries)
    return entries
  }
}

function addEntries(
  folder: FolderInode,
  { prefix, without }: { prefix: string; without?: string | undefined },
  entries: Map<string, MemoryTreeEntry>,
): void {
  for (const [name, inode] of folder.names) {
    if (name === without) continue
    const content = inode.kind === 'file' ? Buffer.from(inode.bytes).toString('latin1') : ''
    const target = inode.kind === 'symlink' ? inode.target : ''
    entries.set(prefix + name, { kind: inode.kind, content, target, mode: inode.mode })
    if (inode.kind === 'folder') addEntries(inode, { prefix: `${prefix}${name}/` }, entries)
  }
}
