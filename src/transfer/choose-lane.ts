import type { Lane, TransferPlace } from './transfer-order.ts'

/** Of all jobs at once, so many may be of medium and large files: something small always finds a free one. */
export const heavyJobsMax = 2

/** A job under way. */
export interface LaneJob {
  readonly lane: Lane
  readonly group: number
}

/**
 * Decides of which lane the next job is, or null when nothing may start now. `heads` has what would be taken from each
 * lane that has something.
 *
 * What is small goes first. But from the second job on one is of the larger files, so that they never wait for an end
 * of the small ones; and of those, medium files go first, but a second job is of a large one. A group goes before all
 * of the next, in every lane.
 */
export function chooseLane(heads: ReadonlyMap<Lane, TransferPlace>, running: readonly LaneJob[]): Lane | null {
  const small = heads.get('small')
  const heavy = (['medium', 'large'] as const).filter((lane) => heads.has(lane))
  const group = Math.min(...heavy.map((lane) => heads.get(lane)!.group))
  const heavyFirst = heavy.filter((lane) => heads.get(lane)!.group === group)
  // What goes before others needs not wait for theirs.
  const heavyJobs = running.filter((job) => job.lane !== 'small' && job.group <= group)
  const next = heavyFirst.find((lane) => heavyJobs.every((job) => job.lane !== lane)) ?? heavyFirst[0] ?? null
  if (small === undefined) return heavyJobs.length < heavyJobsMax ? next : null
  if (next === null || small.group < group) return 'small'
  const share = small.group > group ? heavyJobsMax : Math.min(running.length, 1)
  return heavyJobs.length < share ? next : 'small'
}
