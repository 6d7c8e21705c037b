import type { LaneJob } from '../transfer/choose-lane.ts'
import type { Need } from './need.ts'

/** Needs that are worked on together. */
export interface NeedJob extends LaneJob {
  /** Those that are not settled yet. */
  readonly needs: Set<Need>
}

/** The jobs under way: one ends with the last of its needs. */
export class NeedJobs {
  readonly #jobOf = new Map<Need, NeedJob>()
  readonly #running = new Set<NeedJob>()

  get running(): readonly NeedJob[] {
    return Array.from(this.#running)
  }

  join(need: Need, job: NeedJob): void {
    this.#running.add(job)
    this.#jobOf.set(need, job)
    job.needs.add(need)
  }

  leave(need: Need): void {
    const job = this.#jobOf.get(need)
    if (job === undefined) return
    this.#jobOf.delete(need)
    job.needs.delete(need)
    if (job.needs.size === 0) this.#running.delete(job)
  }
}
