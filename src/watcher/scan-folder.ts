import type { RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import type { ScanBatch } from '../ports/file-tasks.ts'
import { listTree } from './list-tree.ts'
import { LookedBatch, lookAtListing } from './look-at-listing.ts'

/**
 * Walks what lies at and below `start` ('' is all of `root`) in path order and yields it in batches of up to 1000 entries:
 * {@link listTree} finds the paths, {@link lookAtListing} looks at them, which two threads can share.
 *
 * An entry that vanishes meanwhile is left out.
 */
export function* scanFolder(disk: Disk, root: string, start: RelativePath | ''): Generator<ScanBatch> {
  for (const listing of listTree(disk, root, start)) yield new LookedBatch(lookAtListing(disk, root, listing))
}
