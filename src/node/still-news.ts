import type { FolderIndex } from '../file-index/folder-index.ts'
import type { LstatResult, ScanEntry } from '../ports/file-tasks.ts'
import type { FolderProblems } from './folder-problems.ts'
import type { SerialQueue } from './serial-queue.ts'

export interface StillNewsDeps {
  readonly index: Pick<FolderIndex, 'areUnchanged'>
  readonly commits: SerialQueue
}

/**
 * Without what has been committed since we looked: a folder that moved into one that moved before it, or what we put or
 * moved there for a peer. That is known when the commit is done which may be under way: a file would be hashed in vain.
 */
export async function stillNews(entries: readonly ScanEntry[], deps: StillNewsDeps): Promise<ScanEntry[]> {
  if (entries.length === 0) return []
  const unchanged = await deps.commits.run(() => deps.index.areUnchanged(entries))
  return entries.filter((_, i) => unchanged[i] !== true)
}

/**
 * The same of what single looks found. Most hints are of what we put there for a peer: they end here, before more of
 * their rows is decoded. A folder stays: its hint stands for what is in it.
 */
export async function withoutUnchanged(
  looks: readonly LstatResult[],
  { index, commits, problems }: StillNewsDeps & { readonly problems: Pick<FolderProblems, 'clear'> },
): Promise<LstatResult[]> {
  const unchanged = await commits.run(() => index.areUnchanged(looks))
  return looks.filter(({ path, disk }, i) => {
    const isQuiet = unchanged[i] === true && disk?.kind !== 'folder'
    if (isQuiet) problems.clear(path)
    return !isQuiet
  })
}
