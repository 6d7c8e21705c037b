import type { FolderIndex, RowChange } from '../file-index/folder-index.ts'
import { isMovable, type FolderMove } from '../model/folder-move.ts'
import { parentPath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import { deriveMove } from '../reconcile/derive-move.ts'
import { historyName } from './change-committer.ts'
import type { DirtyPaths } from './dirty-paths.ts'
import type { Needs } from './needs.ts'
import type { SerialQueue } from './serial-queue.ts'

/**
 * Takes over a folder's move that a peer has made: one rename on this disk, and the same records that the peer has.
 *
 * It is done only where this device held exactly what the peer held before; what its user has changed below meanwhile,
 * seen or not, goes along. False when the move's records have to be taken in one by one: nothing was changed then.
 */
export async function takeMove(deps: TakeMoveDeps, move: FolderMove): Promise<boolean> {
  const { index, needs, commits } = deps
  if (index.hasMove(move)) return true
  if (!isMovable(move) || deps.isPaused() || needs.touches(move.from) || needs.touches(move.to)) return false
  const changes = await commits.run(() => renameAndCommit(deps, move))
  if (changes === null) return false
  deps.onCommit(changes)
  return true
}

async function renameAndCommit(deps: TakeMoveDeps, move: FolderMove): Promise<readonly RowChange[] | null> {
  const { index, tasks, clock, dirty, logger } = deps
  const parent = parentPath(move.to)
  if (parent !== null && (await index.get(parent))?.record.kind !== 'folder') return null
  const moved = await index.movedRows(move)
  const expect = moved?.rows[0]?.row.disk ?? null
  if (moved === null || expect === null || Buffer.compare(moved.before, move.before) !== 0) return null
  const changes = deriveMove(move, moved.rows)
  if (changes === null || !(await deps.isFolderThere())) return null
  const step = { type: 'move-folder' as const, path: move.to, from: move.from, expect }
  const [result] = await tasks.apply([step], { history: historyName(clock.now()) })
  // What was changed in it and not yet seen is to be found at its new place.
  dirty.add(move.to)
  if (result?.outcome !== 'done') {
    logger.debug('folder not moved', { ...step, result })
    dirty.add(move.from)
    return null
  }
  await index.commit(changes, { durable: true, move })
  return changes
}

export interface TakeMoveDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly logger: Logger
  readonly commits: SerialQueue
  readonly dirty: DirtyPaths
  readonly needs: Needs
  readonly isFolderThere: () => Promise<boolean>
  /** True while the folder is not there, or not scanned yet. */
  readonly isPaused: () => boolean
  readonly onCommit: (changes: readonly RowChange[]) => void
}
