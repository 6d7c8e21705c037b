import type { Clock } from '../ports/clock.ts'
import type { WatchHint } from '../ports/folder-watcher.ts'

export interface HintQueueOptions {
  /** Takes a hint; nothing more is sent before its promise resolves. */
  readonly send: (hint: WatchHint) => void | Promise<void>
  readonly clock: Pick<Clock, 'sleep'>
}

/**
 * Turns single paths into few hints: the first leaves at once, those that follow it in batches, first 2 ms apart, then
 * twice as long each time, up to 20 ms, and never before the last was taken. Every batch waits for two turns of the event
 * loop, so that both ends of a rename are in it even when the kernel was read between them.
 *
 * Holds at most {@link hintPathsMax} different paths: more become an overflow, because walking everything is cheaper then.
 */
export class HintQueue {
  readonly #options: HintQueueOptions
  readonly #news: WatchHint[] = []
  readonly #told = new Set<string>()
  #paths = new Set<string>()
  #overflowed = false
  #stopped = false
  #draining: Promise<void> | null = null

  constructor(options: HintQueueOptions) {
    this.#options = options
  }

  add(path: string): void {
    if (this.#overflowed || this.#stopped) return
    if (this.#paths.size >= hintPathsMax) this.addOverflow()
    else this.#paths.add(path)
    this.#draining ??= this.#drain()
  }

  /** Everything is to be looked at; the paths that wait are part of it. */
  addOverflow(): void {
    this.#overflowed = true
    this.#paths.clear()
    this.#draining ??= this.#drain()
  }

  /** Goes before everything that waits. The same reason is said once, and at most {@link failuresMax} of them. */
  addFailure({ reason, hint }: { readonly reason: string; readonly hint: string }): void {
    if (this.#told.has(reason) || this.#told.size >= failuresMax) return
    this.#told.add(reason)
    this.#news.push({ type: 'failed', reason, hint })
    this.#draining ??= this.#drain()
  }

  /** Watching works again: what failed may be said anew. */
  addRecovery(): void {
    this.#told.clear()
    this.#news.push({ type: 'recovered' })
    this.addOverflow()
  }

  /** Resolves when nothing will be sent any more; what waits is dropped. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#draining
  }

  async #drain(): Promise<void> {
    let intervalMs = hintIntervalMsMin
    await twoTurns()
    for (let hint = this.#take(); hint !== null; hint = this.#take()) {
      await this.#options.send(hint)
      await this.#options.clock.sleep(intervalMs)
      intervalMs = Math.min(2 * intervalMs, hintIntervalMsMax)
      await twoTurns()
    }
    this.#draining = null
  }

  #take(): WatchHint | null {
    if (this.#stopped) return null
    const news = this.#news.shift()
    if (news !== undefined) return news
    if (this.#overflowed) {
      this.#overflowed = false
      return { type: 'overflow' }
    }
    if (this.#paths.size === 0) return null
    const paths = [...this.#paths]
    this.#paths = new Set()
    return { type: 'paths', paths }
  }
}

export const hintPathsMax = 50_000
export const hintIntervalMsMin = 2
export const hintIntervalMsMax = 20
export const failuresMax = 100

async function twoTurns(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
}
