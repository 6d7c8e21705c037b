/** Gives leave to move bytes of files, as fast as somebody allows. Control messages never ask for it. */
export interface Throttle {
  /** Null: without a limit. May change at any time. */
  readonly bytesPerSecond: number | null
  /**
   * Resolves when `bytes` more may move; at once without a limit, and then a call costs no timer. Calls of one throttle
   * are let through in their order. Rejects with the signal's reason; what was not let through is then not counted.
   */
  take(bytes: number, signal: AbortSignal): Promise<void>
}

/** Everything may move at once. */
export const unlimited: Throttle = {
  bytesPerSecond: null,
  take: async () => undefined,
}
