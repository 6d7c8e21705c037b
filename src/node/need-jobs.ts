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
  readonly #given = new WeakMap<readonly Need[], NeedJob>()

  get running(): readonly NeedJob[] {
    return Array.from(this.#running)
  }

  join(need: Need, job: NeedJob): void {
    this.#running.add(job)
    this.#jobOf.set(need, job)
    job.needs.add(need)
  }

  /** Those of a job, as it was given out, that are neither settled nor put back since: another one may have taken them up. */
  leftOf(given: readonly Need[]): Need[] {
    const job = this.#given.get(given)
    return given.filter((need) => job?.needs.has(need) === true)
  }

  /** All that it works on, as a list by which {@link leftOf} knows it. */
  giveOut(job: NeedJob): Need[] {
    const given = Array.from(job.needs)
    this.#given.set(given, job)
    return given
  }

  leave(need: Need): void {
    const job = this.#jobOf.get(need)
    if (job === undefined) return
    this.#jobOf.delete(need)
    job.needs.delete(need)
    if (job.needs.size === 0) this.#running.delete(job)
  }
}
