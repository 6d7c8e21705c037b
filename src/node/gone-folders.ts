import type { FolderIndex, IndexRow } from '../file-index/folder-index.ts'
import { comparePaths, parentPath, type RelativePath } from '../model/relative-path.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import { isAtOrBelow } from './recognise-moves.ts'

/**
 * Of many hints, those that are of what was in folders that are gone: one look at such a folder tells as much as one at each
 * of them. `folders` are the topmost that are gone, `left` are the hints that have nothing to do with them. Fewer than
 * `pathsMin` hints are all left.
 */
export async function goneFoldersOf(
  paths: readonly RelativePath[],
  { index, tasks }: { readonly index: Pick<FolderIndex, 'getMany'>; readonly tasks: Pick<FileTasks, 'lstat'> },
  pathsMin: number,
): Promise<{ readonly folders: readonly IndexRow[]; readonly left: readonly RelativePath[] }> {
  const parents = paths.length < pathsMin ? new Set<RelativePath>() : parentsOf(paths)
  if (parents.size === 0 || parents.size * 4 > paths.length) return { folders: [], left: paths }
  const looks = await tasks.lstat([...parents].sort(comparePaths))
  const absent = looks.filter(({ outcome }) => outcome === 'absent')
  const gone = new Set<RelativePath>()
  const folders: IndexRow[] = []
  for (const row of await index.getMany(absent.map(({ path }) => path))) {
    if (row?.record.kind !== 'folder' || isAtOrBelow(row.record.path, gone)) continue
    gone.add(row.record.path)
    folders.push(row)
  }
  return { folders, left: gone.size === 0 ? paths : paths.filter((path) => !isAtOrBelow(path, gone)) }
}

function parentsOf(paths: readonly RelativePath[]): Set<RelativePath> {
  const parents = new Set<RelativePath>()
  for (const path of paths) {
    for (let at = parentPath(path); at !== null && !parents.has(at); at = parentPath(at)) parents.add(at)
  }
  return parents
}
