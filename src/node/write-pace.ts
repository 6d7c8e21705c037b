import type { RelativePath } from '../model/relative-path.ts'

/** So many saves in a row are taken at once, and each of those that come no faster than the pace. */
const savesMax = 16
const savePeriodMs = 500

/**
 * How often files are rewritten: a leaky bucket each. A person's saves pass; a log that is appended to without a
 * pause does not, since each version goes to every device and into its history.
 */
export class WritePace {
  readonly #fullUntilMs = new Map<RelativePath, number>()

  get size(): number {
    return this.#fullUntilMs.size
  }

  /** Whether one more save of `path` keeps the pace; it is counted when it does. */
  allows(path: RelativePath, nowMs: number): boolean {
    const fromMs = Math.max(this.#fullUntilMs.get(path) ?? nowMs, nowMs)
    if (fromMs + savePeriodMs > nowMs + savesMax * savePeriodMs) return false
    this.#fullUntilMs.set(path, fromMs + savePeriodMs)
    return true
  }

  /** It was written without a pause for so long that it had to be taken: the next save must wait again. */
  exhaust(path: RelativePath, nowMs: number): void {
    this.#fullUntilMs.set(path, nowMs + savesMax * savePeriodMs)
  }

  /** Forgets the files that have been at rest. */
  sweep(nowMs: number): void {
    for (const [path, untilMs] of this.#fullUntilMs) if (untilMs <= nowMs) this.#fullUntilMs.delete(path)
  }
}
