/**
 * A write that comes right after our look may leave the same times as those that we saw: the milliseconds after which such a
 * file is to be looked at once more, or null where none can. Not so a time from the future, where a clock once was: whoever
 * writes to that file now leaves another one. Git calls such files "racily clean" (Documentation/technical/racy-git).
 *
 * `hashedAt` and `now` are milliseconds since 1970.
 */
export function lookAgainAfterMs(
  changedNs: bigint,
  { hashedAt, now }: { hashedAt: number; now: number },
): number | null {
  const changedMs = Number(changedNs / 1_000_000n)
  const nowMs = Math.max(hashedAt, now)
  const grains = changedNs % nanosecondsPerSecond === 0n ? [tickMs, wholeSecondsMs] : [tickMs]
  const grainMs = grains.find((ms) => changedMs >= hashedAt - ms && changedMs <= nowMs + ms)
  return grainMs === undefined ? null : grainMs + afterGrainMs
}

/** File systems stamp times with the kernel's tick: 4 ms, 10 ms on old kernels. */
const tickMs = 12
/** Some keep whole seconds only, and FAT every other. */
const wholeSecondsMs = 2000
const nanosecondsPerSecond = 1_000_000_000n
const afterGrainMs = 36
