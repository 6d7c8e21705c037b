import type { FolderIndex, RowChange } from '../file-index/folder-index.ts'
import type { MovedRows } from '../file-index/moved-rows.ts'
import type { DiskState } from '../model/disk-state.ts'
import { isMovable, type FolderMove, type FolderPaths } from '../model/folder-move.ts'
import { parentPath, type RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import { deriveMove } from '../reconcile/derive-move.ts'
import { historyName } from './history-name.ts'
import { deriveRemoval } from './derive-removal.ts'
import type { DirtyPaths } from './dirty-paths.ts'
import type { FolderGuard } from './folder-guard.ts'
import type { FolderProblems } from './folder-problems.ts'
import type { KnownDamage } from './known-damage.ts'
import type { Needs } from './needs.ts'
import type { SerialQueue } from './serial-queue.ts'
import type { UnflushedNames } from './unflushed-names.ts'

/** A first scan that takes longer than this is not waited for, nor is what is still to be fetched. */
const scanWaitMsMax = 30_000
const needsWaitMsMax = 500
const waitMs = 20

/**
 * Takes over a folder's move or removal that a peer has made: one rename on this disk, and the same records that the peer
 * has.
 *
 * It is done only where this device held exactly what the peer held before. What its user has changed below meanwhile,
 * seen or not, goes along with a move, and keeps a folder from being removed. False when the records have to be taken in
 * one by one.
 */
export async function takeMove(deps: TakeMoveDeps, move: FolderMove): Promise<boolean> {
  const { index, commits } = deps
  if (index.hasMove(move)) return true
  // Of a life that this database has forgotten: its records tell so.
  if (move.writer === index.writer || !isMovable(move) || !(await isClear(deps, move))) return false
  const changes = await commits.run(() =>
    move.to === null ? removeAndCommit(deps, move) : renameAndCommit(deps, { ...move, to: move.to }),
  )
  if (changes === null) return false
  if (changes.length > 0) deps.onCommit(changes)
  return true
}

/** Waits a while for what stands against a move for the moment: the first scan, the folder that it moves into. */
async function isClear({ needs, clock, signal, isPaused }: TakeMoveDeps, { from, to }: FolderMove): Promise<boolean> {
  const waitsFor = async (isInTheWay: () => boolean, waitMsMax: number): Promise<boolean> => {
    const endMs = clock.monotonic() + waitMsMax
    while (isInTheWay() && !signal.aborted && clock.monotonic() < endMs) {
      await clock.sleep(waitMs, signal).catch(() => undefined)
    }
    return !isInTheWay()
  }
  if (!(await waitsFor(isPaused, scanWaitMsMax))) return false
  if (to !== null) return waitsFor(() => needs.touches(from) || needs.touches(to), needsWaitMsMax)
  // What is to be fetched may be made of what would go.
  return waitsFor(() => needs.files > 0 || needs.touches(from), needsWaitMsMax)
}

/** Empty when another peer's word of the same move was faster. */
async function renameAndCommit(
  deps: TakeMoveDeps,
  move: FolderMove & FolderPaths,
): Promise<readonly RowChange[] | null> {
  const { index, tasks, clock, dirty, unflushed, logger } = deps
  if (index.hasMove(move)) return []
  const parent = parentPath(move.to)
  if (parent !== null && (await index.get(parent))?.record.kind !== 'folder') return null
  const found = await rowsBefore(deps, move)
  if (found === null) return null
  const { moved, expect } = found
  const step = { type: 'move-folder' as const, path: move.to, from: move.from, expect }
  const [result] = await tasks.apply([step], { history: historyName(clock.now()) })
  // What was changed in it and not yet seen is to be found at its new place; and both, should the commit fail.
  dirty.add(move.from)
  dirty.add(move.to)
  if (result?.outcome !== 'done') {
    if (result?.outcome === 'failed') for (const path of [move.from, move.to]) unflushed.add(path)
    logger.debug('folder not moved', { ...step, result })
    return null
  }
  await moved.decode()
  // The rename came first, so that the user sees it at once: what it leaves was sure by then, unless the peer lies.
  const changes = deriveMove(move, moved.rows)
  if (changes === null) {
    logger.warn('a move that no honest device makes', step)
    await tasks.apply([{ ...step, path: move.from, from: move.to }], { history: historyName(clock.now()) })
    return null
  }
  return commit(deps, move, changes)
}

/** As {@link renameAndCommit}, of a removal. */
async function removeAndCommit(deps: TakeMoveDeps, move: FolderMove): Promise<readonly RowChange[] | null> {
  const { index, tasks, clock, dirty, unflushed, logger, guard } = deps
  if (index.hasMove(move)) return []
  const found = await rowsBefore(deps, move)
  const below = (await found?.moved.onDisk()) ?? null
  if (found === null || below === null) return null
  // Too much to go unasked: its records come one by one, and wait.
  const files = found.moved.size - 1
  if (guard.incoming.room < files || guard.told.hasRejectedIn(move.from)) return null
  const tree = { path: move.from, expect: found.expect, below }
  const options = { history: historyName(clock.now()) }
  const [[look], changes] = await Promise.all([
    tasks.apply([{ type: 'check-tree', ...tree }], options),
    deriveRemoval(move, found.moved),
  ])
  if (changes === null) {
    logger.warn('a removal that no honest device makes', { path: move.from })
    return null
  }
  const [result] = look?.outcome === 'done' ? await tasks.apply([{ type: 'remove-tree', ...tree }], options) : [look]
  dirty.add(move.from)
  if (result?.outcome !== 'done') {
    if (result?.outcome === 'failed') unflushed.add(move.from)
    logger.debug('folder not removed as one', { path: move.from, result })
    return null
  }
  guard.incoming.note([{ path: move.from, files, content: '' }])
  return commit(deps, move, keptIn(changes, { from: move.from, away: result.away }))
}

/** With where in the history each of the removed is. */
function keptIn(
  changes: readonly RowChange[],
  { from, away }: { readonly from: RelativePath; readonly away: string | undefined },
): readonly RowChange[] {
  if (away === undefined) return changes
  return changes.map((change) => ({ ...change, kept: `${away}${change.record.path.slice(from.length)}` }))
}

/** What the move takes along, if that is what the peer had, and the folder is as it was when we last looked. */
async function rowsBefore(
  { index, isFolderThere }: TakeMoveDeps,
  move: FolderMove,
): Promise<{ readonly moved: MovedRows; readonly expect: DiskState } | null> {
  const moved = await index.movedRows(move)
  const expect = moved?.top.disk ?? null
  if (moved === null || expect === null || Buffer.compare(moved.before, move.before) !== 0) return null
  return (await isFolderThere()) ? { moved, expect } : null
}

async function commit(
  { index, problems, damage }: TakeMoveDeps,
  move: FolderMove,
  changes: readonly RowChange[],
): Promise<readonly RowChange[]> {
  await damage.follow(changes, () => index.commit(changes, { durable: true, move }))
  problems.clearAtAndBelow(move.from)
  return changes
}

export interface TakeMoveDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly logger: Logger
  readonly commits: SerialQueue
  readonly dirty: DirtyPaths
  readonly problems: FolderProblems
  readonly needs: Needs
  readonly guard: FolderGuard
  readonly damage: Pick<KnownDamage, 'follow'>
  readonly unflushed: UnflushedNames
  readonly signal: AbortSignal
  readonly isFolderThere: () => Promise<boolean>
  /** True while the folder is not there, or not scanned yet. */
  readonly isPaused: () => boolean
  readonly onCommit: (changes: readonly RowChange[]) => void
}
