import type { FolderIndex } from '../file-index/folder-index.ts'
import type { ScanEntry } from '../ports/file-tasks.ts'
import type { Loss } from './change-window.ts'
import { withEarlierLists } from './earlier-lists.ts'
import { groupByBytes } from './entry-draft.ts'
import type { FolderGuard } from './folder-guard.ts'
import { removalLosses, rewriteLosses } from './guard-losses.ts'
import type { HashAheadDeps } from './hash-ahead.ts'
import type { Look } from './look.ts'
import { isAtOrBelow } from './recognise-moves.ts'

/** What of a look the change guard sees before anything of it is published. */
export interface GuardLookDeps extends HashAheadDeps {
  readonly index: FolderIndex
  readonly guard: FolderGuard
  readonly deviceName: string
  readonly isFolderThere: () => Promise<boolean>
}

/** Takes out of a look what is gone and has to wait. False when all of it may be gone because the folder is. */
export async function holdRemovals(look: Look, deps: GuardLookDeps): Promise<boolean> {
  const { index, guard, deviceName } = deps
  if (guard.limits === null || look.gone.length + look.removed.length === 0) return true
  if (!(await deps.isFolderThere())) return false
  const losses = await removalLosses(index, { gone: look.gone, folders: look.removed })
  const held = await guard.outgoing.refuse(losses, deviceName)
  if (held.size === 0) return true
  look.gone = look.gone.filter((path) => !held.has(path))
  look.removed.splice(0, look.removed.length, ...look.removed.filter((path) => !isAtOrBelow(path, held)))
  return true
}

/**
 * Those of a look's entries that may be published. Where so many may have been rewritten that it would be too many, they
 * are hashed once for that alone: the first of them must not go before the last is counted.
 */
export async function withoutHeldRewrites(
  entries: readonly ScanEntry[],
  deps: GuardLookDeps,
): Promise<readonly ScanEntry[]> {
  const { guard, deviceName } = deps
  if (entries.length <= guard.outgoing.room) return entries
  const losses: Loss[] = []
  for (const group of groupByBytes(entries)) {
    if (deps.signal.aborted) return []
    const results = await deps.tasks.hash(await withEarlierLists(group, deps.index))
    const hashes = new Map(results.map((result) => [result.path, result]))
    const found = await rewriteLosses(deps.index, group, hashes)
    losses.push(...found.losses)
    for (const path of found.missed) guard.outgoing.missed(path)
  }
  const held = await guard.outgoing.refuse(losses, deviceName)
  return held.size === 0 ? entries : entries.filter(({ path }) => !held.has(path))
}
