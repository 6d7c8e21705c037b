import type { Disk, FileHandle } from '../ports/disk.ts'
import { isZeros } from './zero-blocks.ts'

/**
 * Writes `bytes` at `offset` of a file so that it holds them, and leaves holes where they are zeros and the file has none
 * but zeros yet: a block at the edge of a hole is mostly hole. The last byte is written in any case: the file ends behind
 * it, or later. `handle` can be read and written.
 *
 * Cost: a look at a byte of each 32 KiB that are not zeros; a hole is read, which is cheap, and not written.
 *
 * @throws what the disk throws.
 */
export function writeSparse(disk: Disk, handle: FileHandle, bytes: Uint8Array, offset: number): void {
  let written = 0
  for (let run = nextZeros(bytes, offset, 0); run !== null; run = nextZeros(bytes, offset, run.end)) {
    if (run.start > written) disk.write(handle, bytes.subarray(written, run.start), offset + written)
    makeZeros(disk, handle, offset + run.start, offset + run.end)
    written = run.end
  }
  disk.write(handle, written === 0 ? bytes : bytes.subarray(written), offset + written)
}

interface Run {
  readonly start: number
  readonly end: number
}

/**
 * The first run of whole pages of zeros from `from` on that is worth a hole, without the last byte. Such a run covers one of
 * the places at which there is a look.
 */
function nextZeros(bytes: Uint8Array, offset: number, from: number): Run | null {
  const first = from + ((pageBytes - ((offset + from) % pageBytes)) % pageBytes)
  const endMax = bytes.length - 1
  for (let at = first + runBytesMin - pageBytes; at + pageBytes <= endMax; at += runBytesMin) {
    if (!isZeroPage(bytes, at)) continue
    let start = at
    while (start > first && isZeroPage(bytes, start - pageBytes)) start -= pageBytes
    let end = at + pageBytes
    while (end + pageBytes <= endMax && isZeroPage(bytes, end)) end += pageBytes
    if (end - start >= runBytesMin) return { start, end }
  }
  return null
}

function isZeroPage(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== 0 || bytes[at + pageBytes - 1] !== 0) return false
  return isZeros(bytes.subarray(at, at + pageBytes))
}

function makeZeros(disk: Disk, handle: FileHandle, start: number, end: number): void {
  for (let at = start; at < end;) {
    const part = scratch.subarray(0, end - at)
    const found = disk.read(handle, part, at)
    if (found === 0) return
    const there = part.subarray(0, found)
    if (!isZeros(there)) disk.write(handle, there.fill(0), at)
    at += found
  }
}

// Filled and looked at in one go, so that all jobs of a thread can share it.
const scratch = new Uint8Array(64 * 1024)
// As large as the smallest hole of most file systems.
const pageBytes = 4096
// Below, what it saves is not worth the calls.
const runBytesMin = 32 * 1024
