import { sameDiskState, type DiskState } from '../../src/model/disk-state.ts'
import type { WorldDevice } from '../node/world-device.ts'
import { root } from './paths.ts'

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
  const before = stateOf(at, path)
  at.write(path, content, { mtimeMs })
  const isSeen = before === null || hasWritten(before.inode) || !sameDiskState(stateOf(at, path), before)
  if (!isSeen) at.write(path, content, { mtimeMs: mtimeMs + 1 })
}

function stateOf({ disk }: WorldDevice, path: string): DiskState | null {
  const entry = disk.quietly(() => disk.lstat(`${root}/${path}`))
  return entry?.kind === 'file' ? entry : null
}
