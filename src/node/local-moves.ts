import type { FolderIndex, RowChange } from '../file-index/folder-index.ts'
import { movedRowsMax, type MovedRow, type MovedRows } from '../file-index/moved-rows.ts'
import { sameDiskState, type DiskState } from '../model/disk-state.ts'
import { movedPath, type FolderMove } from '../model/folder-move.ts'
import { isBelow, parentPath, type RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks, ScanEntry } from '../ports/file-tasks.ts'
import { deriveMove } from '../reconcile/derive-move.ts'
import type { FolderProblems } from './folder-problems.ts'
import type { LocalCommits } from './local-commits.ts'
import type { FolderPair } from './recognise-moves.ts'

/** How the folder at its new place differs from what was at the old one. */
export interface MovedFolder {
  readonly changed: readonly ScanEntry[]
  readonly gone: readonly RelativePath[]
}

/**
 * Publishes that a folder has moved, when the disk bears it out: the old path is free, and most of what was in it is in
 * the new one, untouched. What is not, is returned: it has changed there since. Null when it was no move.
 */
export async function publishMove(deps: LocalMovesDeps, pair: FolderPair): Promise<MovedFolder | null> {
  // A folder within one that has moved, mostly: looked at for nothing, each level of it would be walked.
  if (!(await isInFolder(deps.index, pair.to))) return null
  const [found, early] = await Promise.all([entriesBelow(deps.tasks, pair.to), readRows(deps.index, pair)])
  if (found === null) return null
  let rows: readonly MovedRow[] = []
  const done = await deps.commits.takeMove(async () => {
    if (!(await isStillMoved(deps, pair))) return null
    const derived = await derive(deps, pair, early)
    if (derived === null || !isMostlyThere(derived.rows, pair, found.entries)) return null
    rows = derived.rows
    return derived
  })
  if (!done) return null
  deps.problems.clearAtAndBelow(pair.from)
  return differences(rows, pair, found)
}

/** What the move would take along, and as of which commit. */
interface RowsAtSeq {
  readonly seq: number
  readonly moved: MovedRows | null
}

/** Read and decoded while the disk is walked. */
async function readRows(index: FolderIndex, pair: FolderPair): Promise<RowsAtSeq> {
  const { seq } = index
  const moved = await index.movedRows(pair)
  return { seq, moved: moved === null || moved.rows.length === 0 ? null : moved }
}

interface Found {
  readonly entries: ReadonlyMap<RelativePath, ScanEntry>
  readonly unknown: readonly (RelativePath | '')[]
}

async function entriesBelow(tasks: FileTasks, folder: RelativePath): Promise<Found | null> {
  const entries = new Map<RelativePath, ScanEntry>()
  const unknown: (RelativePath | '')[] = []
  for await (const batch of tasks.scan(folder)) {
    unknown.push(...batch.unknown)
    for (const entry of batch.entries) if (entry.path !== folder) entries.set(entry.path, entry)
    if (entries.size > movedRowsMax) return null
  }
  return { entries, unknown }
}

async function isStillMoved(deps: LocalMovesDeps, { from, to, disk }: FolderPair): Promise<boolean> {
  const [old, now] = await deps.tasks.lstat([from, to])
  // After the look: a folder that was away while we looked has no marker now.
  return old?.outcome === 'absent' && sameDiskState(now?.disk ?? null, disk) && (await deps.isFolderThere())
}

async function derive(
  { index, clock, deviceName }: LocalMovesDeps,
  pair: FolderPair,
  early: RowsAtSeq,
): Promise<{ move: FolderMove; changes: readonly RowChange[]; rows: readonly MovedRow[] } | null> {
  if (!(await isInFolder(index, pair.to))) return null
  const moved = early.seq === index.seq ? early.moved : await index.movedRows(pair)
  if (moved === null) return null
  const move: FolderMove = {
    from: pair.from,
    to: pair.to,
    writer: index.writer,
    writerName: deviceName,
    counter: index.seq + 1,
    movedAtMs: Math.round(clock.now()),
    before: moved.before,
  }
  const changes = deriveMove(move, moved.rows)
  return changes === null ? null : { move, changes, rows: moved.rows }
}

async function isInFolder(index: FolderIndex, path: RelativePath): Promise<boolean> {
  const parent = parentPath(path)
  return parent === null || (await index.get(parent))?.record.kind === 'folder'
}

/** An inode is used again: of a folder that only has the old one's, nothing is in it. */
function isMostlyThere(
  rows: readonly MovedRow[],
  pair: FolderPair,
  entries: ReadonlyMap<RelativePath, ScanEntry>,
): boolean {
  const same = rows.filter(({ row }) => isUntouched(row.disk, entries.get(movedPath(row.record.path, pair)))).length
  return same > 0 && same * 2 >= rows.length - 1
}

function isUntouched(before: DiskState | null, entry: ScanEntry | undefined): boolean {
  return entry !== undefined && sameDiskState(before, entry.disk)
}

function differences(rows: readonly MovedRow[], pair: FolderPair, { entries, unknown }: Found): MovedFolder {
  const left = new Map(entries)
  const gone: RelativePath[] = []
  for (const { row } of rows) {
    const path = movedPath(row.record.path, pair)
    if (path === pair.to) continue
    if (isUntouched(row.disk, left.get(path))) left.delete(path)
    else if (!left.has(path) && !unknown.some((top) => top === '' || top === path || isBelow(path, top)))
      gone.push(path)
  }
  return { changed: Array.from(left.values()), gone }
}

export interface LocalMovesDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly commits: LocalCommits
  readonly problems: FolderProblems
  readonly deviceName: string
  readonly isFolderThere: () => Promise<boolean>
}
