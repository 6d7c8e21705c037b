import { networkInterfaces } from 'node:os'
import type { Clock } from '../ports/clock.ts'

/** What to compare to see that the network, or this machine's sleep, may have ended connections. */
export interface NetworkState {
  /** The interfaces that are up, with their addresses. */
  readonly interfaces: string
  readonly nowMs: number
  readonly monotonicMs: number
}

export function readNetworkState(clock: Clock): NetworkState {
  const interfaces = Object.entries(networkInterfaces())
    .flatMap(([name, addresses]) => (addresses ?? []).map(({ cidr }) => `${name} ${cidr}`))
    .toSorted()
    .join('\n')
  return { interfaces, nowMs: clock.now(), monotonicMs: clock.monotonic() }
}

/** True when addresses came or went, or the machine slept (the monotonic clock of Linux stands still then). */
export function networkChanged(before: NetworkState, after: NetworkState): boolean {
  const sleptMs = after.nowMs - before.nowMs - (after.monotonicMs - before.monotonicMs)
  return before.interfaces !== after.interfaces || sleptMs > sleptMsMin
}

const sleptMsMin = 30_000
