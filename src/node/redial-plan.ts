/**
 * When to dial again: what is known of one device's dials, and the decisions that change it. Times are monotonic
 * milliseconds; `fraction` is a random number in [0, 1) for the jitter that keeps devices from dialling in step.
 */
export interface DialPlan {
  /** Dials that failed in a row. */
  readonly failures: number
  /** Dials in a row which ended because no folder is shared. */
  readonly refusals: number
  /** Not before then; in the past: now. */
  readonly nextDialMs: number
}

export const retryMsMin = 500
export const retryMsMax = 60_000
export const refusedMsMin = 30_000
export const refusedMsMax = 30 * 60_000
/** A connection that lasted for so long was a good one: its loss starts the waiting from the beginning. */
export const settledMs = 5000
/** A device that was not heard of for so long and is heard of now has come back. */
export const silentMs = 15_000

/** The plan of a device that was just heard of, or whose circumstances have changed: it is dialled at once. */
export function dialAtOnce(nowMs: number): DialPlan {
  return { failures: 0, refusals: 0, nextDialMs: nowMs }
}

/** After a dial that failed: 0.5 s, 1 s, 2 s .. 60 s, each +-20 %. */
export function afterFailure(plan: DialPlan, nowMs: number, fraction: number): DialPlan {
  const waitMs = jitter(doubled(retryMsMin, plan.failures, retryMsMax), fraction)
  return { ...plan, failures: plan.failures + 1, nextDialMs: nowMs + waitMs }
}

/** After a device that shares no folder: 30 s, 1 min .. 30 min, each +-20 %. */
export function afterRefusal(plan: DialPlan, nowMs: number, fraction: number): DialPlan {
  const waitMs = jitter(doubled(refusedMsMin, plan.refusals, refusedMsMax), fraction)
  return { failures: 0, refusals: plan.refusals + 1, nextDialMs: nowMs + waitMs }
}

/** After the last connection was lost, `upMs` after it was made. One that broke at once counts as a failed dial. */
export function afterLoss(plan: DialPlan, nowMs: number, upMs: number, fraction: number): DialPlan {
  return upMs >= settledMs ? dialAtOnce(nowMs) : { ...afterFailure(plan, nowMs, fraction), refusals: 0 }
}

/** What one source of addresses last said of a device. */
export interface Sighting {
  readonly addresses: readonly string[]
  readonly seenMs: number
}

/** True when a sighting is news: the first one, other addresses, or the first after a silence. */
export function isNews(before: Sighting | undefined, now: Sighting): boolean {
  if (before === undefined || now.seenMs - before.seenMs > silentMs) return true
  return now.addresses.some((address) => !before.addresses.includes(address))
}

function doubled(firstMs: number, times: number, maxMs: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(times, 30))
}

function jitter(waitMs: number, fraction: number): number {
  return waitMs * (0.8 + 0.4 * fraction)
}
