import type { FolderIndex } from '../file-index/folder-index.ts'
import type { DiskState } from '../model/disk-state.ts'
import { isLive } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { ChangeGuard } from './change-guard.ts'
import { databaseOf } from './database-files.ts'
import type { DirtyPaths } from './dirty-paths.ts'
import type { FolderProblems } from './folder-problems.ts'
import type { Settling, Sorted } from './settling.ts'

export interface TakeSettledDeps {
  readonly index: Pick<FolderIndex, 'getMany'>
  readonly settling: Settling
  readonly dirty: Pick<DirtyPaths, 'addLater'>
  readonly problems: Pick<FolderProblems, 'add'>
  readonly guard: { readonly outgoing: Pick<ChangeGuard, 'missed'> }
}

/**
 * Of what differs from the index, what may be read now. The rest is looked at again by itself, and told where it never
 * rests. What of `looked` does not differ waits no longer.
 */
export async function takeSettled(
  differences: Pick<Sorted, 'changed' | 'gone'>,
  { index, settling, dirty, problems, guard }: TakeSettledDeps,
  looked: readonly RelativePath[] = [],
): Promise<Pick<Sorted, 'changed' | 'gone' | 'together'>> {
  const paths = new Set<RelativePath>()
  for (const { path, disk } of differences.changed) {
    if (disk.kind === 'file') paths.add(path)
    for (const companion of settling.companionsOf(path)) paths.add(companion)
  }
  for (const path of differences.gone) for (const companion of settling.companionsOf(path)) paths.add(companion)
  const previous = await liveStates(index, [...paths])
  const { waiting, ...ready } = settling.sort(differences, (path) => previous.get(path) ?? null)
  for (const { path, delayMs, problem } of waiting) {
    dirty.addLater(path, delayMs)
    guard.outgoing.missed(path)
    if (problem !== null) problems.add(path, problem)
  }
  if (settling.isHolding) {
    const held = new Set(waiting.map(({ path }) => path))
    for (const { path } of ready.changed) held.add(path).add(databaseOf(path))
    for (const path of looked) if (!held.has(path) && !held.has(databaseOf(path))) settling.forget(path)
  }
  return ready
}

async function liveStates(
  index: Pick<FolderIndex, 'getMany'>,
  paths: readonly RelativePath[],
): Promise<ReadonlyMap<RelativePath, DiskState>> {
  const states = new Map<RelativePath, DiskState>()
  if (paths.length === 0) return states
  for (const row of await index.getMany(paths)) {
    if (row !== null && row.disk !== null && isLive(row.record)) states.set(row.record.path, row.disk)
  }
  return states
}
