/** Time, so that a test or a simulator can own it. */
export interface Clock {
  /** Milliseconds since 1970. May jump; only for what a person reads. */
  now(): number
  /** Milliseconds since some start; never goes back. */
  monotonic(): number
  /** Resolves after `milliseconds`, or rejects with the signal's reason. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}
