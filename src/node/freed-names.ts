import type { RowChange } from '../file-index/folder-index.ts'
import type { DirtyPaths } from './dirty-paths.ts'
import type { FolderProblems } from './folder-problems.ts'

/** What waited because its name in NFC was taken is looked at again, once what had that name is gone. */
export function lookAtFreedNames(changes: readonly RowChange[], { problems, dirty }: FreedNamesDeps): void {
  if (problems.count === 0) return
  const freed = new Set<string>()
  for (const { record } of changes) if (record.kind === 'tombstone') freed.add(record.path)
  if (freed.size === 0) return
  for (const { path } of problems.list()) {
    const normal = path.normalize('NFC')
    if (normal === path || !freed.has(normal)) continue
    problems.clear(path)
    dirty.addSpelled(path)
  }
}

export interface FreedNamesDeps {
  readonly problems: FolderProblems
  readonly dirty: DirtyPaths
}
