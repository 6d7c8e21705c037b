import type { Disk } from '../ports/disk.ts'
import type { StagedDraft } from '../ports/file-tasks.ts'
import { checkStaged } from './check-staged.ts'
import { stagedPath } from './staged-file.ts'

/**
 * As {@link checkStaged}, of a file of which a part may have been staged before its content was known: where nothing is
 * staged under the right name yet, the `draft` becomes the staged file, and what it is said to hold is not read again.
 *
 * @throws what the disk throws.
 */
export function* checkDraft(
  disk: Disk,
  root: string,
  { staged, list, draft }: { readonly staged: string; readonly list: Uint8Array; readonly draft: StagedDraft },
): Generator<void, Uint8Array> {
  const isTaken = takeDraft(disk, { from: stagedPath(root, draft.staged), to: stagedPath(root, staged) })
  return yield* checkStaged(disk, root, staged, list, isTaken ? draft.held : null)
}

/** False when there is no draft, or something was fetched for this very content before. */
function takeDraft(disk: Disk, { from, to }: { readonly from: string; readonly to: string }): boolean {
  if (disk.lstat(from)?.kind !== 'file') return false
  if (disk.lstat(to) === null) {
    disk.rename(from, to)
    return true
  }
  disk.unlink(from)
  return false
}
