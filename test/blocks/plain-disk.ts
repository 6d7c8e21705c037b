import type { DiskState } from '../../src/model/disk-state.ts'
import type { Disk, DiskEntry, FileHandle } from '../../src/ports/disk.ts'

interface Node {
  kind: DiskState['kind'] | 'other'
  bytes: Uint8Array
  inode: bigint
  changes: bigint
}

/** The part of a disk that blocks need, in memory, with faults. Does not model: permissions, names, links in the way. */
export class PlainDisk {
  readonly #nodes = new Map<string, Node>()
  readonly #open = new Map<FileHandle, { readonly path: string; readonly node: Node }>()
  #lastHandle = 0
  #lastInode = 0n

  /** Called before each read: may change files, or throw. */
  onRead: (path: string, position: number) => void = () => {}
  /** Called before each write: may throw. */
  onWrite: () => void = () => {}
  /** Opening these fails with this code. */
  readonly brokenPaths = new Map<string, string>()
  /** No read returns more at once. */
  readBytesMax = Infinity
  opens = 0

  /** This disk as the port: what is not here is not called. */
  get port(): Disk {
    return this as unknown as Disk
  }

  get openHandles(): number {
    return this.#open.size
  }

  put(path: string, bytes: Uint8Array, kind: Node['kind'] = 'file'): void {
    const node = this.#nodes.get(path)
    if (node === undefined) this.#nodes.set(path, { kind, bytes, inode: ++this.#lastInode, changes: 1n })
    else Object.assign(node, { kind, bytes, changes: node.changes + 1n })
  }

  remove(path: string): void {
    this.#nodes.delete(path)
  }

  /** Null when there is no such file. */
  bytesOf(path: string): Uint8Array | null {
    return this.#nodes.get(path)?.bytes ?? null
  }

  lstat(path: string): DiskEntry | null {
    const node = this.#nodes.get(path)
    return node === undefined ? null : entryOf(node)
  }

  fstat(handle: FileHandle): DiskEntry {
    return entryOf(this.#open.get(handle)!.node)
  }

  openRead(path: string): FileHandle {
    this.opens++
    const node = this.#nodes.get(path)
    const broken = this.brokenPaths.get(path)
    if (broken !== undefined) throw diskError(broken, path)
    if (node === undefined) throw diskError('ENOENT', path)
    if (node.kind !== 'file') throw diskError('EINVAL', path)
    const handle = ++this.#lastHandle as FileHandle
    this.#open.set(handle, { path, node })
    return handle
  }

  openWrite(path: string): FileHandle {
    return this.openRead(path)
  }

  create(path: string, _mode: number): FileHandle {
    if (this.#nodes.has(path)) throw diskError('EEXIST', path)
    this.put(path, new Uint8Array(0))
    return this.openRead(path)
  }

  read(handle: FileHandle, target: Uint8Array, position: number): number {
    const { path, node } = this.#open.get(handle)!
    this.onRead(path, position)
    const part = node.bytes.subarray(position, position + Math.min(target.length, this.readBytesMax))
    target.set(part)
    return part.length
  }

  write(handle: FileHandle, bytes: Uint8Array, position: number): void {
    this.onWrite()
    const { path, node } = this.#open.get(handle)!
    const grown = new Uint8Array(Math.max(node.bytes.length, position + bytes.length))
    grown.set(node.bytes)
    grown.set(bytes, position)
    this.put(path, grown)
  }

  close(handle: FileHandle): void {
    if (!this.#open.delete(handle)) throw diskError('EBADF', '')
  }
}

export function diskError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

/** Runs a job of a file worker to its end: its result and how often it yielded. */
export function runJob<Result>(job: Generator<void, Result>): { readonly result: Result; readonly yields: number } {
  let yields = 0
  for (;;) {
    const step = job.next()
    if (step.done === true) return { result: step.value, yields }
    yields++
  }
}

function entryOf(node: Node): DiskEntry {
  if (node.kind === 'other') return { kind: 'other' }
  const { kind, bytes, inode, changes } = node
  return { kind, sizeBytes: bytes.length, mtimeNs: changes, ctimeNs: changes, inode, mode: 0o644 }
}
