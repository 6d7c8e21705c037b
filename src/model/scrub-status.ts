export type ScrubAction = 'start' | 'stop'

/** How far the reading of a folder is, or what the last one found. Times are milliseconds since 1970. */
export interface ScrubStatus {
  readonly running: boolean
  readonly startedAt: number | null
  readonly finishedAt: number | null
  /** When the next one begins by itself. */
  readonly nextAt: number
  /** Read so far, in the run that is under way or the last one. */
  readonly files: number
  readonly bytes: number
  readonly allFiles: number
  readonly allBytes: number
  readonly damaged: number
  readonly repaired: number
  /** What is damaged still, at most 100, and why. */
  readonly unrepaired: readonly { readonly path: string; readonly reason: string }[]
}
