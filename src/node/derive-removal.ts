import type { RowChange } from '../file-index/folder-index.ts'
import type { MovedRows } from '../file-index/moved-rows.ts'
import type { FolderMove } from '../model/folder-move.ts'
import { isNewTo, leftOf } from '../reconcile/derive-move.ts'

/** As `deriveMove` of a removal, row by row: of each only its tombstone is kept, for there may be many. */
export async function deriveRemoval(removal: FolderMove, removed: MovedRows): Promise<readonly RowChange[] | null> {
  let isHonest = true
  const changes = await removed.mapEach(({ record }) => {
    if (!isNewTo(removal, record)) isHonest = false
    return leftOf(removal, record)
  })
  return isHonest ? changes.reverse() : null
}
