import type { FolderIndex, RowChange } from '../file-index/folder-index.ts'
import { movedRowsMax, type MovedRows } from '../file-index/moved-rows.ts'
import { sameDiskState } from '../model/disk-state.ts'
import { movedPath, type FolderMove } from '../model/folder-move.ts'
import { nextTurn } from '../model/next-turn.ts'
import { comparePaths, isBelow, parentPath, type RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks, LstatResult, ScanBatch, ScanEntry } from '../ports/file-tasks.ts'
import { deriveMove } from '../reconcile/derive-move.ts'
import type { DirtyPaths } from './dirty-paths.ts'
import type { FolderGuard } from './folder-guard.ts'
import type { FolderProblems } from './folder-problems.ts'
import type { LocalCommits } from './local-commits.ts'
import { hasGone, noteLook, noteUnseen } from './look.ts'
import { deriveRemoval } from './derive-removal.ts'
import type { FolderPair } from './recognise-moves.ts'
import type { UnflushedNames } from './unflushed-names.ts'

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
  const early = await readRows(deps.index, pair)
  let moved: MovedRows | null = null
  const done = await deps.commits.takeMove(async () => {
    const left = await lookWhereItLeft(deps, pair)
    if (left === null || !(await areFlushed(deps, [pair.from, pair.to]))) return null
    const derived = await derive(deps, pair, early)
    if (derived === null || !(await isMostlyThere(deps, pair, derived.moved))) return null
    moved = derived.moved
    deps.problems.clearAtAndBelow(pair.from)
    noteLook(left, deps)
    return derived
  })
  if (!done || moved === null) return null
  const found = await entriesBelow(deps.tasks, pair.to)
  if (found !== null) {
    for (const batch of found.batches) noteUnseen(batch, deps)
    return compare(moved, pair, found)
  }
  deps.dirty.add(pair.to)
  return { changed: [], gone: [] }
}

/** What the move would take along, and as of which commit. */
interface RowsAtSeq {
  readonly seq: number
  readonly moved: MovedRows | null
}

/** Read and decoded before others have to wait for it. */
async function readRows(index: FolderIndex, pair: FolderPair): Promise<RowsAtSeq> {
  const { seq } = index
  const moved = await index.movedRows(pair)
  await moved?.decode()
  return { seq, moved }
}

interface Found {
  /** In path order. */
  readonly batches: readonly ScanBatch[]
  readonly unknown: readonly (RelativePath | '')[]
}

async function entriesBelow(tasks: FileTasks, folder: RelativePath): Promise<Found | null> {
  const batches: ScanBatch[] = []
  const unknown: (RelativePath | '')[] = []
  let count = 0
  for await (const batch of tasks.scan(folder)) {
    for (const path of batch.unknown) unknown.push(path)
    batches.push(batch)
    count += batch.paths.length
    if (count > movedRowsMax) return null
  }
  return { batches, unknown }
}

/** The look at the old place; null when the folder is not gone from there, or not at the new one. */
async function lookWhereItLeft(deps: LocalMovesDeps, { from, to, disk }: FolderPair): Promise<LstatResult | null> {
  const [old, now] = await deps.tasks.lstat([from, to])
  if (!hasGone(old) || !sameDiskState(now?.disk ?? null, disk)) return null
  // After the look: a folder that was away while we looked has no marker now.
  return (await deps.isFolderThere()) ? old : null
}

/**
 * Publishes that a folder was removed with all that was in it, as one thing. False when it is to be published entry by
 * entry: it is there, it is known to be no folder, less than `rowsMin` was in it, or some of it never was on this disk.
 */
export function publishRemoval(
  deps: LocalMovesDeps & { readonly rowsMin: number },
  folder: RelativePath,
): Promise<boolean> {
  const { index, tasks, commits, problems } = deps
  return commits.takeMove(async () => {
    // Before the look and after it: the folder may be back by now.
    if (!(await deps.isFolderThere())) return null
    const [look] = await tasks.lstat([folder])
    if (!hasGone(look) || !(await deps.isFolderThere()) || !(await areFlushed(deps, [folder]))) return null
    const moved = await index.movedRows({ from: folder, to: null })
    if (moved === null || moved.size <= deps.rowsMin || !moved.areOnDisk) return null
    const move = newMove(deps, { from: folder, to: null }, moved)
    const changes = await deriveRemoval(move, moved)
    if (changes === null) return null
    problems.clearAtAndBelow(folder)
    noteLook(look, deps)
    return { move, changes }
  })
}

/** What a failing disk has not made durable may be undone: nobody is told of it. */
async function areFlushed({ unflushed }: LocalMovesDeps, paths: readonly RelativePath[]): Promise<boolean> {
  return (await unflushed.among(paths)).size === 0
}

async function derive(
  deps: LocalMovesDeps,
  pair: FolderPair,
  early: RowsAtSeq,
): Promise<{ move: FolderMove; changes: readonly RowChange[]; moved: MovedRows } | null> {
  const { index } = deps
  if (!(await isInFolder(index, pair.to))) return null
  const moved = early.seq === index.seq ? early.moved : await index.movedRows(pair)
  if (moved === null) return null
  const move = newMove(deps, pair, moved)
  const changes = deriveMove(move, moved.rows)
  return changes === null ? null : { move, changes, moved }
}

function newMove(
  { index, clock, deviceName }: LocalMovesDeps,
  { from, to }: Pick<FolderMove, 'from' | 'to'>,
  { before }: MovedRows,
): FolderMove {
  const { writer } = index
  const movedAtMs = Math.round(clock.now())
  return { from, to, writer, writerName: deviceName, counter: index.seq + 1, movedAtMs, before }
}

async function isInFolder(index: FolderIndex, path: RelativePath): Promise<boolean> {
  const parent = parentPath(path)
  return parent === null || (await index.get(parent))?.record.kind === 'folder'
}

/**
 * An inode is used again: of a folder that only has the old one's, nothing is in it. Looks at some of what was in it; the
 * rest is compared when the move is known.
 */
async function isMostlyThere({ tasks }: LocalMovesDeps, pair: FolderPair, { rows }: MovedRows): Promise<boolean> {
  const below = rows.slice(1)
  // Of a folder the inode is all there is to compare.
  const files = below.filter(({ row }) => row.record.kind !== 'folder')
  const all = files.length > 0 ? files : below
  const step = Math.max(1, Math.floor(all.length / looksMax))
  const some = all.filter((_, i) => i % step === 0)
  const looks = await tasks.lstat(some.map(({ row }) => movedPath(row.record.path, pair)))
  const same = some.filter(({ row }, i) => row.disk !== null && sameDiskState(row.disk, looks[i]?.disk ?? null)).length
  return same > 0 && same * 2 >= some.length
}

/** Merges what was below the old place and what is below the new one, both in path order. */
async function compare(moved: MovedRows, pair: FolderPair, { batches, unknown }: Found): Promise<MovedFolder> {
  const { rows } = moved
  const changed: ScanEntry[] = []
  const gone: RelativePath[] = []
  // The first is the folder itself.
  let next = 1
  const passUpTo = (path: RelativePath | null): boolean => {
    for (; next < rows.length; next++) {
      const there = movedPath(rows[next]!.row.record.path, pair)
      if (there === path) return true
      if (path !== null && comparePaths(there, path) > 0) return false
      if (!unknown.some((top) => top === '' || top === there || isBelow(there, top))) gone.push(there)
    }
    return false
  }
  for (const batch of batches) {
    await nextTurn()
    for (const [i, path] of batch.paths.entries()) {
      if (path === pair.to) continue
      const isKnown = passUpTo(path)
      const isUntouched = isKnown && moved.hasDisk(next, (bytes, at) => batch.isSameAt(i, bytes, at))
      if (!isUntouched) changed.push(batch.entryAt(i))
      if (isKnown) next++
    }
  }
  passUpTo(null)
  return { changed, gone }
}

export interface LocalMovesDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly commits: LocalCommits
  readonly dirty: DirtyPaths
  readonly problems: FolderProblems
  readonly guard: FolderGuard
  readonly unflushed: UnflushedNames
  readonly deviceName: string
  readonly isFolderThere: () => Promise<boolean>
}

const looksMax = 200
