/** Begin, end, or from now on begin by itself after so many days; 0: never. */
export type ScrubAction = 'start' | 'stop' | { readonly everyDays: number }

export const scrubDaysMax = 3650

export function isScrubAction(value: unknown): value is ScrubAction {
  if (value === 'start' || value === 'stop') return true
  if (typeof value !== 'object' || value === null || !('everyDays' in value)) return false
  const { everyDays } = value
  return Number.isInteger(everyDays) && (everyDays as number) >= 0 && (everyDays as number) <= scrubDaysMax
}

/** What a scrub has read and found. Times are milliseconds since 1970. */
export interface ScrubProgress {
  /** When a run that has not ended began; null when none is under way. */
  readonly startedAt: number | null
  readonly finishedAt: number | null
  /** When the next one begins by itself; null: never. */
  readonly nextAt: number | null
  /** Days from one to the next; 0: none begins by itself. */
  readonly everyDays: number
  /** Read so far, in the run that is under way or the last one. */
  readonly files: number
  readonly bytes: number
  /** Files that were being changed, or were changed in the last ten minutes: of them nothing can be said. */
  readonly skipped: number
  readonly damaged: number
  readonly repaired: number
}

/** How far the reading of a folder is, or what the last one found. */
export interface ScrubStatus extends ScrubProgress {
  readonly running: boolean
  readonly allFiles: number
  readonly allBytes: number
  /** What is damaged still, at most 100, and why. */
  readonly unrepaired: readonly { readonly path: string; readonly reason: string }[]
}
