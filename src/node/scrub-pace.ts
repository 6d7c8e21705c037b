import type { Clock } from '../ports/clock.ts'

/** Of the disk: a tenth of what a slow one gives. */
const bytesPerSecond = 16 * 1024 * 1024
const busyPollMs = 1000

/** Waits as long as a scrub may take for so many bytes, and while the folder has something else to do. @throws what the signal is aborted with. */
export async function paceScrub(bytes: number, { clock, isBusy, signal }: PaceScrubDeps): Promise<void> {
  await clock.sleep((1000 * bytes) / bytesPerSecond, signal)
  while (isBusy()) await clock.sleep(busyPollMs, signal)
}

export interface PaceScrubDeps {
  readonly clock: Clock
  readonly isBusy: () => boolean
  readonly signal: AbortSignal
}
