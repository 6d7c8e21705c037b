import { comparePaths, type RelativePath } from '../model/relative-path.ts'
import type { EntryChange } from './pair-renames.ts'

/**
 * The changes of one look in an order in which they may have happened: path order, but what moves away from a place goes
 * before what comes there, a folder before what comes into it, and what leaves a folder before that moves itself.
 *
 * Where places were swapped there is no such order, and one of them comes first. Cost: a sort, and the depth of each path.
 */
export function orderChanges(changes: readonly EntryChange[]): EntryChange[] {
  const sorted = changes.toSorted((a, b) => comparePaths(a.path as RelativePath, b.path as RelativePath))
  const arrivals = new Map<string, EntryChange>()
  const departures = new Map<string, EntryChange>()
  for (const change of sorted) {
    if (change.event === 'created' || change.event === 'moved') arrivals.set(change.path, change)
    if (change.event === 'moved') departures.set(change.from, change)
  }
  const before = new Map<EntryChange, EntryChange[]>()
  for (const change of departures.values()) {
    for (const folder of foldersAbove(change.from)) {
      const move = departures.get(folder)
      if (move === undefined) continue
      const others = before.get(move)
      if (others === undefined) before.set(move, [change])
      else others.push(change)
    }
  }
  const ordered = new Set<EntryChange>()
  const begun = new Set<EntryChange>()
  const add = (change: EntryChange | undefined): void => {
    if (change === undefined || begun.has(change)) return
    begun.add(change)
    for (const folder of foldersAbove(change.path)) add(arrivals.get(folder))
    for (const other of before.get(change) ?? []) add(other)
    if (arrivals.get(change.path) === change) add(departures.get(change.path))
    ordered.add(change)
  }
  for (const change of sorted) add(change)
  return [...ordered]
}

function foldersAbove(path: string): string[] {
  const folders: string[] = []
  for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) folders.push(path.slice(0, end))
  return folders
}
