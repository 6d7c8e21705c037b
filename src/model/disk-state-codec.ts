import type { DiskState } from './disk-state.ts'

/**
 * A disk state in 35 bytes, as the index keeps it and as it goes from thread to thread: kind (1), permission bits (2), size
 * (6), mtime (9), ctime (9), inode (8). Numbers are big-endian, times two's complement: file systems know times beyond the
 * year 2262, where 64 bits of nanoseconds end. Two states are compared as they are, which costs a tenth of decoding them.
 */
export const diskStateBytes = 35

export function writeDiskState(view: DataView, at: number, disk: DiskState): void {
  view.setUint8(at, kinds.indexOf(disk.kind))
  view.setUint16(at + 1, disk.mode)
  // Some network drives say of a folder how much all below it takes: nobody asks for that.
  const sizeBytes = Math.min(disk.sizeBytes, sizeBytesMax)
  view.setUint16(at + 3, Math.floor(sizeBytes / 2 ** 32))
  view.setUint32(at + 5, sizeBytes >>> 0)
  writeTime(view, at + 9, disk.mtimeNs)
  writeTime(view, at + 18, disk.ctimeNs)
  view.setBigUint64(at + inodeAt, BigInt.asUintN(64, disk.inode))
}

/** The same in an array that nobody has a view of: making one costs more than writing. */
export function putDiskState(bytes: Uint8Array, at: number, disk: DiskState): void {
  writeDiskState(scratchView, 0, disk)
  bytes.set(scratch, at)
}

/** @throws {RangeError} when it is none. */
export function readDiskState(view: DataView, at: number): DiskState {
  const kind = kinds[view.getUint8(at)]
  if (kind === undefined) throw new RangeError('a disk state of no kind')
  return {
    kind,
    mode: view.getUint16(at + 1),
    sizeBytes: view.getUint16(at + 3) * 2 ** 32 + view.getUint32(at + 5),
    mtimeNs: readTime(view, at + 9),
    ctimeNs: readTime(view, at + 18),
    inode: view.getBigUint64(at + inodeAt),
  }
}

/** What `sameDiskState` says of the state at `aAt` in `a` and that at `bAt` in `b`. */
export function isSameEncodedState(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  if (a[aAt] !== b[bAt]) return false
  let i = a[aAt] === folderKind ? inodeAt : 1
  while (i < diskStateBytes && a[aAt + i] === b[bAt + i]) i++
  return i === diskStateBytes
}

const kinds = ['file', 'folder', 'symlink'] as const satisfies readonly DiskState['kind'][]
const folderKind = kinds.indexOf('folder')
const inodeAt = 27
const sizeBytesMax = 2 ** 48 - 1
const scratch = new Uint8Array(diskStateBytes)
const scratchView = new DataView(scratch.buffer)

function writeTime(view: DataView, at: number, timeNs: bigint): void {
  const low = BigInt.asUintN(64, timeNs)
  view.setInt8(at, low === timeNs ? 0 : Number(timeNs >> 64n))
  view.setBigUint64(at + 1, low)
}

function readTime(view: DataView, at: number): bigint {
  const high = view.getInt8(at)
  const low = view.getBigUint64(at + 1)
  return high === 0 ? low : (BigInt(high) << 64n) | low
}
