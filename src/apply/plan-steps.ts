import type { DiskState } from '../model/disk-state.ts'
import { isExecutable } from '../model/disk-state.ts'
import { assert } from '../model/errors.ts'
import { isLive, type FileRecord } from '../model/file-record.ts'
import { comparePaths, type RelativePath } from '../model/relative-path.ts'
import type { ApplyStep } from '../ports/file-tasks.ts'
import type { Decision } from '../reconcile/decide.ts'

/** A decision about one path, with what is there now and, for a file's bytes, where they are staged. */
export interface PlannedChange {
  readonly decision: Exclude<Decision, { action: 'nothing' }>
  readonly local: { readonly record: FileRecord; readonly disk: DiskState | null } | null
  readonly staged: string | null
  /** The file that is to be given this path instead of a staged one: it is to leave its own. */
  readonly movedFrom?: { readonly record: FileRecord; readonly disk: DiskState | null } | null
}

/** The steps of one change; none when only the index changes. */
export interface ChangeSteps {
  readonly change: PlannedChange
  readonly steps: readonly ApplyStep[]
}

/**
 * Orders the steps of a batch so that each finds what it needs: folders before what they hold, new places before old
 * ones are taken away, the content of a folder before the folder, and last what stands where a folder was.
 */
export function planSteps(changes: readonly PlannedChange[]): ChangeSteps[] {
  const planned = changes.map((change) => ({ change, steps: stepsOf(change), phase: phaseOf(change) }))
  planned.sort((a, b) => a.phase - b.phase || inPhase(a.phase, a.change, b.change))
  return planned.map(({ change, steps }) => ({ change, steps }))
}

function stepsOf({ decision, local, staged, movedFrom }: PlannedChange): ApplyStep[] {
  const { record } = decision
  const { path } = record
  const disk = local !== null && isLive(local.record) ? local.disk : null
  if (decision.action === 'keep') return []
  if (decision.action === 'adopt') return disk === null ? [] : metadataSteps(record, disk)
  const keepAs = decision.action === 'take-keeping-copy' ? decision.copyPath : null
  switch (record.kind) {
    case 'folder':
      if (keepAs === null || disk === null) return [{ type: 'make-folder', path, expect: disk }]
      return [
        { type: 'remove', path, expect: disk, keepAs },
        { type: 'make-folder', path, expect: null },
      ]
    case 'file':
      if (movedFrom) return moveSteps(record, { disk, from: movedFrom })
      return staged === null ? [] : [{ type: 'place-file', path, expect: disk, staged, keepAs }]
    case 'symlink':
      return [{ type: 'place-link', path, expect: disk, target: record.linkTarget, mtimeNs: record.mtimeNs, keepAs }]
    case 'tombstone':
      if (disk === null) return []
      return disk.kind === 'folder'
        ? [{ type: 'remove-folder', path, expect: disk }]
        : [{ type: 'remove', path, expect: disk, keepAs }]
  }
}

function moveSteps(
  { path, mtimeNs, executable }: FileRecord,
  { disk, from }: { readonly disk: DiskState | null; readonly from: NonNullable<PlannedChange['movedFrom']> },
): ApplyStep[] {
  assert(from.disk !== null, 'what is moved is on this disk')
  return [{ type: 'move-file', path, expect: disk, from: from.record.path, fromExpect: from.disk, mtimeNs, executable }]
}

function metadataSteps(record: FileRecord, disk: DiskState): ApplyStep[] {
  if (record.kind === 'folder' || record.kind === 'tombstone') return []
  const delta = record.mtimeNs - disk.mtimeNs
  // Node sets times to a microsecond.
  const sameTime = delta < 1000n && delta > -1000n
  if (sameTime && (record.kind === 'symlink' || isExecutable(disk.mode) === record.executable)) return []
  const { path, mtimeNs, executable } = record
  return [{ type: 'set-metadata', path, expect: disk, mtimeNs, executable }]
}

const phases = { makeFolder: 0, place: 1, remove: 2, removeFolder: 3, placeOverFolder: 4 } as const

function phaseOf({ decision, local }: PlannedChange): number {
  const { kind } = decision.record
  const overFolder = local?.disk?.kind === 'folder' && isLive(local.record)
  if (kind === 'folder') return phases.makeFolder
  if (kind === 'tombstone') return overFolder ? phases.removeFolder : phases.remove
  return overFolder ? phases.placeOverFolder : phases.place
}

function inPhase(phase: number, a: PlannedChange, b: PlannedChange): number {
  const order = comparePaths(a.decision.record.path, b.decision.record.path)
  return phase === phases.removeFolder ? -order : order
}

/** The record of the conflicted copy that `loser` becomes at `copyPath`. */
export function copyRecord(
  loser: FileRecord,
  copyPath: RelativePath,
  author: Pick<FileRecord, 'version' | 'writer' | 'writerName' | 'basis'>,
): FileRecord {
  return { ...loser, path: copyPath, ...author }
}
