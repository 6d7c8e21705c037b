import type { Clock } from '../ports/clock.ts'

/** What was hinted at: some paths, or everything; no path at all when the time was up. */
export type HintedPaths = { readonly type: 'all' } | { readonly type: 'paths'; readonly paths: readonly string[] }

/**
 * Collects hints until they are taken, for as long as they come in quick succession: a save by rename, or both ends of a
 * move, should be looked at together.
 */
export class HintWindow {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  #paths = new Set<string>()
  #all = false
  #hints = 0
  #wake: (() => void) | null = null

  constructor(deps: { clock: Clock; signal: AbortSignal }) {
    this.#clock = deps.clock
    this.#signal = deps.signal
    deps.signal.addEventListener('abort', () => this.#wake?.(), { once: true })
  }

  get isEmpty(): boolean {
    return !this.#all && this.#paths.size === 0
  }

  add(paths: readonly string[]): void {
    for (const path of paths) this.#paths.add(path)
    if (this.#paths.size > pathsMax) this.addAll()
    else this.#hinted()
  }

  addAll(): void {
    this.#all = true
    this.#paths.clear()
    this.#hinted()
  }

  /** Waits for a hint, and then a little for more; no longer than `waitMs` for the first. Returns once aborted. */
  async take(waitMs: number): Promise<HintedPaths> {
    if (this.isEmpty) await this.#firstHint(waitMs)
    const began = this.#clock.monotonic()
    while (!this.isEmpty && this.#clock.monotonic() - began < burstMsMax) {
      const before = this.#hints
      await this.#clock.sleep(quietMs, this.#signal).catch(() => undefined)
      if (this.#hints === before || this.#signal.aborted) break
    }
    const taken: HintedPaths = this.#all ? { type: 'all' } : { type: 'paths', paths: [...this.#paths] }
    this.#paths = new Set()
    this.#all = false
    return taken
  }

  async #firstHint(waitMs: number): Promise<void> {
    if (this.#signal.aborted || waitMs <= 0) return
    const timer = new AbortController()
    const hinted = new Promise<void>((resolve) => (this.#wake = resolve))
    await Promise.race([hinted, this.#clock.sleep(waitMs, timer.signal).catch(() => undefined)])
    timer.abort()
    this.#wake = null
  }

  #hinted(): void {
    this.#hints++
    this.#wake?.()
  }
}

const quietMs = 30
const burstMsMax = 300
const pathsMax = 100_000
