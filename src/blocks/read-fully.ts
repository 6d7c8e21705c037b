import type { Disk, FileHandle } from '../ports/disk.ts'

/** Fills `target` from `position` on and returns how many bytes there were: fewer only at the end of the file. */
export function readFully(disk: Disk, handle: FileHandle, target: Uint8Array, position: number): number {
  let filled = 0
  while (filled < target.length) {
    const view = filled === 0 ? target : target.subarray(filled)
    const read = disk.read(handle, view, position + filled)
    if (read === 0) break
    filled += read
  }
  return filled
}
