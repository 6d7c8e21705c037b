import { sameDiskState } from '../../src/model/disk-state.ts'
import type { WorldDevice } from '../node/world-device.ts'

/**
 * Writes in place, with a time of its own. Where a peer's version of the same size and time came in the same tick, nothing
 * would tell of the write: no program is known that does so, and here it takes another time. What users have just written
 * there themselves does not count.
 */
export function writeAsOf(
  at: WorldDevice,
  path: string,
  { content, mtimeMs, hasWritten }: { content: string; mtimeMs: number; hasWritten: (inode: bigint) => boolean },
): void {
  const before = at.fileState(path)
  at.write(path, content, { mtimeMs })
  const isSeen = before === null || hasWritten(before.inode) || !sameDiskState(at.fileState(path), before)
  if (!isSeen) at.write(path, content, { mtimeMs: mtimeMs + 1 })
}
