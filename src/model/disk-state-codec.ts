import type { DiskState } from './disk-state.ts'

/**
 * A disk state in 35 bytes, as the index keeps it and as it goes from thread to thread: kind (1), permission bits (2), size
 * (6), mtime (9), ctime (9), inode (8). Numbers are big-endian, times two's complement: file systems know times beyond the
 * year 2262, where 64 bits of nanoseconds end. Two states are compared as they are, which costs a tenth of decoding them.
 */
export const diskStateBytes = 35

export function writeDiskState(bytes: Buffer, at: number, disk: DiskState): void {
  bytes[at] = kinds.indexOf(disk.kind)
  bytes.writeUInt16BE(disk.mode, at + 1)
  // Some network drives say of a folder how much all below it takes: nobody asks for that.
  bytes.writeUIntBE(Math.min(disk.sizeBytes, sizeBytesMax), at + 3, 6)
  writeTime(bytes, at + 9, disk.mtimeNs)
  writeTime(bytes, at + 18, disk.ctimeNs)
  bytes.writeBigUInt64BE(BigInt.asUintN(64, disk.inode), at + inodeAt)
}

/** @throws {RangeError} when it is none. */
export function readDiskState(bytes: Buffer, at: number): DiskState {
  const kind = kinds[bytes[at]!]
  if (kind === undefined) throw new RangeError('a disk state of no kind')
  return {
    kind,
    mode: bytes.readUInt16BE(at + 1),
    sizeBytes: bytes.readUIntBE(at + 3, 6),
    mtimeNs: readTime(bytes, at + 9),
    ctimeNs: readTime(bytes, at + 18),
    inode: bytes.readBigUInt64BE(at + inodeAt),
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
/** Times up to here have a zero before 64 bits. */
const timeNsPlain = 2n ** 64n - 1n

function writeTime(bytes: Buffer, at: number, timeNs: bigint): void {
  if (timeNs >= 0n && timeNs <= timeNsPlain) {
    bytes[at] = 0
    bytes.writeBigUInt64BE(timeNs, at + 1)
    return
  }
  bytes.writeInt8(Number(timeNs >> 64n), at)
  bytes.writeBigUInt64BE(BigInt.asUintN(64, timeNs), at + 1)
}

function readTime(bytes: Buffer, at: number): bigint {
  const high = bytes.readInt8(at)
  const low = bytes.readBigUInt64BE(at + 1)
  return high === 0 ? low : (BigInt(high) << 64n) | low
}
