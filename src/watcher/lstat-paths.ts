import type { RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import type { LstatResult } from '../ports/file-tasks.ts'
import { lookAtPath, newParentLooks, type EntryLook } from './look-at-entry.ts'

/**
 * Looks at single paths under `root`, without walking below them. Yields after each bounded slice; returns one result for
 * each path, in the order given.
 *
 * `absent` is said only of what is certainly not there: what lies below a missing folder, a file or a symlink is.
 */
export function* lstatPaths(disk: Disk, root: string, paths: readonly RelativePath[]): Generator<void, LstatResult[]> {
  const results: LstatResult[] = []
  for (let at = 0; at < paths.length; at += slicePaths) {
    if (at > 0) yield
    const parents = newParentLooks(disk, root)
    for (const path of paths.slice(at, at + slicePaths)) {
      results.push(lstatResult(path, lookAtPath(disk, root, path, parents)))
    }
  }
  return results
}

const slicePaths = 500

function lstatResult(path: RelativePath, look: EntryLook): LstatResult {
  if (look.outcome === 'found') return { path, ...look, reason: '' }
  const reason = look.outcome === 'absent' ? '' : look.reason
  return { path, outcome: look.outcome, disk: null, linkTarget: '', reason }
}
