import { sameDiskState, type DiskState } from '../model/disk-state.ts'
import { systemCode } from '../model/errors.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import type { StepResult } from '../ports/file-tasks.ts'
import type { HistoryShelf } from './history.ts'
import type { InsideRoot } from './inside.ts'
import type { Touched } from './touched.ts'

/** What the steps of one apply share. */
export interface StepRun {
  readonly disk: Disk
  readonly inside: InsideRoot
  readonly shelf: HistoryShelf
  readonly touched: Touched
  /** False for the rest of the run once the file system has said that it has none. */
  readonly hardLinks: { work: boolean }
  /** The files that the step which is being done has found as it expected them. */
  readonly found: Map<RelativePath, DiskState>
}

export const changed: StepResult = { outcome: 'changed' }

export function done(disk: DiskState | null, kept: DiskState | null = null): StepResult {
  return { outcome: 'done', disk, kept }
}

/** As {@link done}, when what was at the path is at the absolute path `away` now. */
export function doneAway(run: StepRun, away: string, disk: DiskState | null): StepResult {
  return { outcome: 'done', disk, kept: null, away: run.shelf.placeOf(away) }
}

/**
 * The second look: the absolute path when exactly `expect` is there (for null: nothing, and its parents may be missing),
 * else null.
 */
export function lookAgain(run: StepRun, path: RelativePath, expect: DiskState | null): string | null {
  const target = run.inside.locate(path)
  const entry = target === null ? null : run.disk.lstat(target)
  if (entry?.kind === 'other' || !sameDiskState(entry, expect)) return null
  if (entry?.kind === 'file') run.found.set(path, entry)
  return run.inside.absolute(path)
}

/**
 * What is at an absolute path after an act, or `otherwise` when that cannot be told, or when `isOurs` does not hold for
 * it: somebody was faster than our look.
 */
export function stateAfter(
  disk: Disk,
  path: string,
  options: { readonly isOurs: (state: DiskState) => boolean; readonly otherwise: DiskState },
): DiskState {
  try {
    const entry = disk.lstat(path)
    if (entry !== null && entry.kind !== 'other' && options.isOurs(entry)) return entry
  } catch (error) {
    if (systemCode(error) === '') throw error
  }
  return options.otherwise
}

/** `mode` made executable for all who may read, or for nobody; unchanged when its owner's bit says so already. */
export function withExecutable(mode: number, executable: boolean): number {
  if (((mode & 0o100) !== 0) === executable) return mode
  return executable ? mode | ((mode & 0o444) >> 2) | 0o100 : mode & ~0o111
}
