import type { TreeSummary } from '../file-index/index-head.ts'
import type { ScrubStatus } from '../model/scrub-status.ts'
import type { ScrubNote } from './scrub-notes.ts'

const shownMax = 100

/** What a person is told of a scrub. */
export function scrubStatus(scrub: ScrubNote, folder: TreeSummary, problems: ScrubStatus['unrepaired']): ScrubStatus {
  const { doneTo: _, startedAt, ...note } = scrub
  const unrepaired = problems.slice(0, shownMax)
  return { running: startedAt !== null, startedAt, ...note, allFiles: folder.files, allBytes: folder.bytes, unrepaired }
}

/** What is wrong with a file, and what to do. */
export function damageText(why: string): string {
  return `its bytes are damaged on this disk: ${why}. Connect a device that has it, or put it back from a backup`
}
