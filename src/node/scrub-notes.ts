import type { ScrubProgress } from '../model/scrub-status.ts'
import { noteFile, type NoteFile } from './note-file.ts'

/** What a folder's scrub remembers between runs of the node. */
export interface ScrubNote extends ScrubProgress {
  /** Paths up to this one are done. */
  readonly doneTo: string
  /** Damaged, and not repaired: looked at again until they are. */
  readonly unrepaired: readonly string[]
}

export type ScrubNotes = NoteFile<ScrubNote>

/** Of a folder that was never read again. */
export const newNote: ScrubNote = {
  startedAt: null,
  finishedAt: null,
  nextAt: null,
  everyDays: 30,
  files: 0,
  bytes: 0,
  skipped: 0,
  damaged: 0,
  repaired: 0,
  doneTo: '',
  unrepaired: [],
}

export type ScrubCounts = Pick<ScrubNote, 'files' | 'bytes' | 'skipped' | 'damaged' | 'repaired'>

export function addCounts(counts: ScrubCounts, more: Partial<ScrubCounts>): ScrubCounts {
  const { files = 0, bytes = 0, skipped = 0, damaged = 0, repaired = 0 } = more
  return {
    files: counts.files + files,
    bytes: counts.bytes + bytes,
    skipped: counts.skipped + skipped,
    damaged: counts.damaged + damaged,
    repaired: counts.repaired + repaired,
  }
}

export const unrepairedMax = 10_000

/** Notes in a file of the state directory. One that is lost or damaged costs a scrub from the beginning. */
export function scrubNotesIn(file: string): ScrubNotes {
  return noteFile(file, isNote)
}

function isNote(value: unknown): value is ScrubNote {
  if (typeof value !== 'object' || value === null) return false
  const { startedAt, finishedAt, nextAt, doneTo, unrepaired, ...counts } = value as Record<string, unknown>
  const { everyDays, files, bytes, skipped, damaged, repaired } = counts
  const isCount = (count: unknown): boolean => typeof count === 'number' && count >= 0
  const isTime = (time: unknown): boolean => time === null || isCount(time)
  if (!isTime(startedAt) || !isTime(finishedAt) || !isTime(nextAt) || typeof doneTo !== 'string') return false
  if (![everyDays, files, bytes, skipped, damaged, repaired].every(isCount) || !Array.isArray(unrepaired)) return false
  return unrepaired.length <= unrepairedMax && unrepaired.every((path) => typeof path === 'string')
}
