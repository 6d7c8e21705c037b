import type { FolderIndex, IndexRow } from '../file-index/folder-index.ts'
import { fingerprint, isLive, type FileRecord } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Decision } from '../reconcile/decide.ts'
import { longConflictCopyPath } from '../vector-clock/conflict-name.ts'

/** What becomes of a conflict's loser here, and the row of the name that it gets. */
export interface CopyChoice {
  readonly decision: Extract<Decision, { action: 'take' | 'take-keeping-copy' }>
  readonly copyRow: IndexRow | null
}

/**
 * Chooses the name under which `loser` is kept when the index says that something else has the usual one: a copy of
 * the same loser that was made before, and that its user has edited since.
 *
 * When that edit was made from exactly the loser, whoever made it has seen it, and no copy is needed.
 */
export async function chooseCopy(
  index: FolderIndex,
  decision: Extract<Decision, { action: 'take-keeping-copy' }>,
  loser: FileRecord,
): Promise<CopyChoice> {
  const usual = await index.get(decision.copyPath)
  if (usual === null || canHold(usual.record, loser)) return { decision, copyRow: usual }
  if (usual.record.basis === fingerprint(loser)) {
    return { decision: { action: 'take', record: decision.record }, copyRow: null }
  }
  const copyPath: RelativePath = longConflictCopyPath(loser)
  const copyRow = copyPath === loser.path ? usual : await index.get(copyPath)
  if (copyRow === null || canHold(copyRow.record, loser)) return { decision: { ...decision, copyPath }, copyRow }
  return { decision, copyRow: usual }
}

function canHold(record: FileRecord, loser: FileRecord): boolean {
  return !isLive(record) || fingerprint(record) === fingerprint(loser)
}
