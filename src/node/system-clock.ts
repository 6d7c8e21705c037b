import type { Clock } from '../ports/clock.ts'

/** The time of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep,
}

// Node takes a longer delay for 1 ms, and warns of one that has passed already.
const delayMsMax = 2 ** 31 - 1

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  if (signal?.aborted === true) {
    reject(signal.reason)
    return promise
  }
  const stop = (): void => {
    clearTimeout(timer)
    reject(signal?.reason)
  }
  const timer = setTimeout(
    () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    },
    Math.max(0, Math.min(milliseconds, delayMsMax)),
  )
  signal?.addEventListener('abort', stop, { once: true })
  return promise
}
