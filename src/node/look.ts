import type { IndexRow } from '../file-index/folder-index.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { LstatResult, ScanBatch, ScanEntry } from '../ports/file-tasks.ts'
import type { DirtyPaths } from './dirty-paths.ts'
import type { FolderProblems } from './folder-problems.ts'
import { isAtOrBelow } from './recognise-moves.ts'
import type { TakeSettledDeps } from './take-settled.ts'

/** What one look at the disk has found, but for what changed in its place. */
export interface Look {
  /** New at their paths. */
  fresh: ScanEntry[]
  /** New folders whose content has not been looked at. */
  readonly folders: ScanEntry[]
  gone: RelativePath[]
  /** Folders that are gone, but for what was in them. */
  goneFolders: IndexRow[]
  /** Of those, the ones that have not moved, nor anything out of them. */
  readonly removed: RelativePath[]
  /** Changed in their places, as hints say that came while we looked. */
  readonly changed: ScanEntry[]
  /** Files in their places that may have been rewritten: known as a whole before the first of them is published. */
  readonly rewritten: ScanEntry[]
  /** They stand where a folder was: told before what was in it is told to be gone, a peer would take that to live on. */
  readonly afterFolder: ScanEntry[]
  /** How often it may still wait for hints. */
  waits: number
}

export function newLook(waits: number): Look {
  const changes = { fresh: [], folders: [], gone: [], goneFolders: [], removed: [], changed: [], rewritten: [] }
  return { ...changes, afterFolder: [], waits }
}

/** Tells which paths a look has found something at, or has found gone with a folder. */
export function isFoundIn(look: Look): (path: RelativePath) => boolean {
  const entries = [look.fresh, look.rewritten, look.changed].flat()
  const found = new Set(entries.map((entry) => entry.path).concat(look.gone))
  const removed = new Set(look.removed)
  return (path) => found.has(path) || isAtOrBelow(path, removed)
}

/** What of a scan could not be looked at, or is not ours, is shown; the former is looked at again after a while. */
export function noteUnseen(
  { problems, unknown }: Pick<ScanBatch, 'problems' | 'unknown'>,
  deps: { readonly problems: FolderProblems; readonly dirty: DirtyPaths; readonly guard: TakeSettledDeps['guard'] },
): void {
  for (const { path, reason } of problems) deps.problems.add(path, reason)
  for (const path of unknown) {
    deps.dirty.addUnreadable(path)
    deps.guard.outgoing.missed(path)
  }
}

/** The same of a single look. True when something was wrong with its path, at which nothing is now. */
export function noteLook(
  { path, outcome, reason }: LstatResult,
  { problems, dirty }: { readonly problems: FolderProblems; readonly dirty: DirtyPaths },
): boolean {
  const wasWrong = problems.clear(path)
  if (reason !== '') problems.add(path, reason)
  if (outcome === 'unknown') dirty.addUnreadable(path)
  return wasWrong && outcome === 'absent'
}

/** Nothing that was synced is there any more: nothing at all, or what is never synced and has taken its path. */
export function hasGone(look: LstatResult | undefined): look is LstatResult & { outcome: 'absent' | 'taken' } {
  return look?.outcome === 'absent' || look?.outcome === 'taken'
}

export function entryOf(seen: LstatResult): ScanEntry {
  return { path: seen.path, disk: seen.disk!, linkTarget: seen.linkTarget }
}

/** A folder to which nothing was added or taken since `thanMs`. */
export function isFolderOlder({ disk }: ScanEntry, thanMs: number): boolean {
  return disk.kind === 'folder' && Number(disk.mtimeNs / 1_000_000n) < thanMs
}
