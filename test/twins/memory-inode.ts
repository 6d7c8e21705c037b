import { DiskError } from '../../src/disk/disk-error.ts'
import { tellableTime } from '../../src/model/disk-state.ts'
import type { DiskEntry } from '../../src/ports/disk.ts'

/** What a name of a {@link MemoryDisk} points at; several names may point at the same one. */
export type Inode = FileInode | FolderInode | SymlinkInode | OtherInode

interface InodeBase {
  readonly number: bigint
  mode: number
  mtimeNs: bigint
  ctimeNs: bigint
  /** How many names it has; not counted for folders. */
  links: number
  access: { read: boolean; write: boolean }
}

export interface FileInode extends InodeBase {
  readonly kind: 'file'
  bytes: Uint8Array
  opened: number
  /** What a crash leaves; null when nothing was ever synced. */
  durable: Pick<FileInode, 'bytes' | 'mode' | 'mtimeNs' | 'ctimeNs'> | null
  isDirty: boolean
}

export interface FolderInode extends InodeBase {
  readonly kind: 'folder'
  names: Map<string, Inode>
  /** Names that differ in case only are one to it; it keeps the first. */
  readonly ignoresCase: boolean
  /** The names that a crash leaves. */
  durableNames: ReadonlyMap<string, Inode>
  /** How many entries have a name that is not UTF-8. */
  undecodableNames: number
}

export interface SymlinkInode extends InodeBase {
  readonly kind: 'symlink'
  readonly target: string
}

/** A FIFO, a socket, a device. */
export interface OtherInode extends InodeBase {
  readonly kind: 'other'
}

export function entryOf(inode: Inode): DiskEntry {
  if (inode.kind === 'other') return { kind: 'other' }
  const { kind, mtimeNs, ctimeNs, number, mode } = inode
  return { kind, sizeBytes: sizeOf(inode), mtimeNs: tellableTime(mtimeNs), ctimeNs, inode: number, mode }
}

function sizeOf(inode: Inode): number {
  if (inode.kind === 'file') return inode.bytes.length
  return inode.kind === 'symlink' ? Buffer.byteLength(inode.target) : 0
}

/** Cuts a file's bytes or appends zeros; grows in large steps. */
export function resizeFile(inode: FileInode, sizeBytes: number): void {
  const { bytes } = inode
  if (sizeBytes <= bytes.length) {
    bytes.fill(0, sizeBytes)
    inode.bytes = bytes.subarray(0, sizeBytes)
  } else if (sizeBytes <= bytes.buffer.byteLength) {
    inode.bytes = new Uint8Array(bytes.buffer, 0, sizeBytes)
  } else {
    const grown = new Uint8Array(Math.max(sizeBytes, Math.min(2 * bytes.length, 2 ** 26 + bytes.length)))
    grown.set(bytes)
    inode.bytes = grown.subarray(0, sizeBytes)
  }
}

/** Makes what an inode holds durable: a file's bytes and metadata, a folder's names. */
export function makeDurable(inode: Inode): void {
  if (inode.kind === 'folder') inode.durableNames = new Map(inode.names)
  if (inode.kind !== 'file' || !inode.isDirty) return
  inode.durable = durableOf(inode)
  inode.isDirty = false
}

function durableOf({ bytes, mode, mtimeNs, ctimeNs }: FileInode): FileInode['durable'] {
  return { bytes: bytes.slice(), mode, mtimeNs, ctimeNs }
}

/** Calls `visit` with all that lies at and below `folder`, each inode once, a folder before what is in it. */
export function visitInodes(folder: FolderInode, visit: (inode: Inode, path: string) => void): void {
  const seen = new Set<Inode>()
  const waiting: [Inode, string][] = [[folder, '']]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [inode, path] = next
    if (seen.has(inode)) continue
    seen.add(inode)
    visit(inode, path)
    if (inode.kind !== 'folder') continue
    for (const [name, child] of inode.names) waiting.push([child, `${path}/${name}`])
  }
}

/**
 * Takes a tree back to what was durable, but for what `survives`, and counts links anew. Returns the bytes that its
 * files hold. A folder that then has two names keeps one.
 */
export function revertToDurable(root: FolderInode, survives: (path: string) => boolean): number {
  let usedBytes = 0
  const placed = new Set<Inode>([root])
  visitInodes(root, (inode, path) => {
    if (inode.kind === 'folder') {
      if (!survives(path)) inode.names = new Map(inode.durableNames)
      for (const [name, child] of inode.names) {
        if (child.kind === 'folder' && placed.has(child)) inode.names.delete(name)
        else child.links = placed.has(child) ? child.links + 1 : 1
        placed.add(child)
      }
      inode.durableNames = new Map(inode.names)
    }
    if (inode.kind !== 'file') return
    if (inode.isDirty && !survives(path)) Object.assign(inode, inode.durable ?? { bytes: new Uint8Array(0) })
    inode.durable = durableOf(inode)
    inode.isDirty = false
    inode.opened = 0
    usedBytes += inode.bytes.length
  })
  return usedBytes
}

/** Where a path leads: the folder that would hold its last name, whatever that name is or is not. */
export interface Place {
  readonly folder: FolderInode
  readonly name: string
}

/**
 * Follows a path's parents as a system does, symlinks included, but not its last segment.
 *
 * @throws {DiskError} `ENOENT`, `ENOTDIR`, `ELOOP`, `EACCES`, `ENAMETOOLONG`.
 */
export function findPlace(root: FolderInode, path: string): Place {
  const { parents, name } = segmentsOf(path)
  requireName(name, path)
  const stack = enter({ root, path, linksLeft: 40 }, [root], parents)
  const folder = stack[stack.length - 1]!
  return { folder, name: keptName(folder, name) }
}

/** What a simulated disk is asked for is asked for again and again. */
const knownPaths = new Map<string, Segments>()
const knownPathsMax = 10_000

interface Segments {
  readonly parents: readonly string[]
  readonly name: string
}

function segmentsOf(path: string): Segments {
  const known = knownPaths.get(path)
  if (known !== undefined) return known
  const parents = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  const segments = { name: parents.pop() ?? '', parents }
  if (knownPaths.size >= knownPathsMax) knownPaths.clear()
  knownPaths.set(path, segments)
  return segments
}

/** The name under which a folder holds what it finds by `name`; `name` itself when it finds nothing. */
function keptName(folder: FolderInode, name: string): string {
  if (!folder.ignoresCase || folder.names.has(name)) return name
  const wanted = name.normalize('NFC').toLowerCase()
  for (const kept of folder.names.keys()) if (kept.normalize('NFC').toLowerCase() === wanted) return kept
  return name
}

interface Walk {
  readonly root: FolderInode
  readonly path: string
  linksLeft: number
}

function enter(walk: Walk, start: readonly FolderInode[], segments: readonly string[]): FolderInode[] {
  let stack = [...start]
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') {
      if (stack.length > 1) stack.pop()
      continue
    }
    requireName(segment, walk.path)
    const above = stack[stack.length - 1]!
    const inode = above.names.get(keptName(above, segment))
    if (inode === undefined) throw new DiskError('ENOENT', walk.path)
    if (inode.kind === 'symlink') {
      if (walk.linksLeft-- === 0) throw new DiskError('ELOOP', walk.path)
      stack = enter(walk, inode.target.startsWith('/') ? [walk.root] : stack, inode.target.split('/'))
    } else if (inode.kind === 'folder') {
      if (!inode.access.read) throw new DiskError('EACCES', walk.path)
      stack.push(inode)
    } else {
      throw new DiskError('ENOTDIR', walk.path)
    }
  }
  return stack
}

function requireName(name: string, path: string): void {
  if (name.length > 63 && Buffer.byteLength(name) > 255) throw new DiskError('ENAMETOOLONG', path)
}
