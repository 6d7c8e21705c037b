import type { Clock } from '../ports/clock.ts'
import type { WatchHint } from '../ports/folder-watcher.ts'

export interface HintQueueOptions {
  /** Takes a hint; nothing more is sent before its promise resolves. */
  readonly send: (hint: WatchHint) => void | Promise<void>
  readonly clock: Pick<Clock, 'sleep'>
}

/**
 * Turns single paths into few hints: the first leaves with the next turn of the event loop, those that follow it in
 * batches, at most one each 20 ms and never before the last was taken. Holds at most {@link hintPathsMax} different paths:
 * more become an overflow, because walking everything is cheaper then.
 */
export class HintQueue {
  readonly #options: HintQueueOptions
  readonly #failures: WatchHint[] = []
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

  /** Goes before everything that waits. The caller bounds how many there are. */
  addFailure(reason: string, hint: string): void {
    this.#failures.push({ type: 'failed', reason, hint })
    this.#draining ??= this.#drain()
  }

  /** Resolves when nothing will be sent any more; what waits is dropped. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#draining
  }

  async #drain(): Promise<void> {
    await nextTurn()
    for (let hint = this.#take(); hint !== null; hint = this.#take()) {
      await this.#options.send(hint)
      await this.#options.clock.sleep(hintIntervalMs)
    }
    this.#draining = null
  }

  #take(): WatchHint | null {
    if (this.#stopped) return null
    const failure = this.#failures.shift()
    if (failure !== undefined) return failure
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
export const hintIntervalMs = 20

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
