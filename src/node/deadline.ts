import type { Clock } from '../ports/clock.ts'

/**
 * Runs `work` with a signal that is aborted when `signal` is, or after `timeoutMs`. It is for `work` to end then.
 *
 * @throws whatever `work` throws
 */
export async function withDeadline<T>(
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const finished = new AbortController()
  const expire = (): void => late.abort(new Error(`no answer within ${timeoutMs} ms`))
  const timer = clock.sleep(timeoutMs, finished.signal).then(expire, () => undefined)
  try {
    return await work(AbortSignal.any([signal, late.signal]))
  } finally {
    finished.abort()
    await timer
  }
}
