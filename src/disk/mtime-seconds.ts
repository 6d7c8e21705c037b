/**
 * The double that, handed to `futimes` as seconds, sets a time in the same microsecond as `mtimeNs`, as near to it as a
 * double can say: exact for whole seconds, within 240 ns until 2038, to the microsecond until 2106.
 *
 * The nearest double may lie beyond the microsecond on either side, also because libuv cuts the fraction down to whole
 * nanoseconds: then the next one on the other side is right.
 */
export function mtimeSeconds(mtimeNs: bigint): number {
  const nearest = Number(mtimeNs / nanosecondsPerSecond) + Number(mtimeNs % nanosecondsPerSecond) / 1e9
  const wrongBy = microsecond(mtimeNs) - microsecond(asSet(nearest))
  if (wrongBy === 0n) return nearest
  return nearest + (Math.sign(Number(wrongBy)) * Math.abs(nearest) * Number.EPSILON) / 2
}

const nanosecondsPerSecond = 1_000_000_000n

function asSet(seconds: number): bigint {
  const whole = Math.trunc(seconds)
  return BigInt(whole) * nanosecondsPerSecond + BigInt(Math.trunc((seconds - whole) * 1e9))
}

function microsecond(ns: bigint): bigint {
  const quotient = ns / 1000n
  return ns < 0n && quotient * 1000n !== ns ? quotient - 1n : quotient
}
