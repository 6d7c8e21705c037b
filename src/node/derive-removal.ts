import type { RowChange } from '../file-index/folder-index.ts'
import type { MovedRows } from '../file-index/moved-rows.ts'
import type { FolderMove } from '../model/folder-move.ts'
import { isNewTo, leftOf } from '../reconcile/derive-move.ts'

/** As `deriveMove` of a removal, row by row: of each only its tombstone is kept, for there may be many. */
export async function deriveRemoval(removal: FolderMove, removed: MovedRows): Promise<readonly RowChange[] | null> {
  const left = await removed.mapEach(({ record }) => (isNewTo(removal, record) ? leftOf(removal, record) : null))
  const changes = left.filter((change) => change !== null)
  return changes.length === left.length ? changes.toReversed() : null
}
