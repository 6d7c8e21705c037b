import type { RelativePath } from '../model/relative-path.ts'

/** Due times are rounded up to this, so that thousands of paths share a few of them. */
const grainMs = 8

/** Paths that are to be looked at later, each once, at the soonest of the times that were given for it. */
export class LaterPaths {
  readonly #dueOf = new Map<RelativePath, number>()
  readonly #pathsAt = new Map<number, Set<RelativePath>>()

  get size(): number {
    return this.#dueOf.size
  }

  /** When the first of them is due; infinite when there is none. */
  get dueMs(): number {
    return Math.min(...this.#pathsAt.keys())
  }

  /** `dueMs` is on the clock that {@link takeDue} is given. */
  add(path: RelativePath, dueMs: number): void {
    const due = Math.ceil(dueMs / grainMs) * grainMs
    const before = this.#dueOf.get(path)
    if (before !== undefined) {
      if (before <= due) return
      this.#remove(path, before)
    }
    this.#dueOf.set(path, due)
    const paths = this.#pathsAt.get(due)
    if (paths === undefined) this.#pathsAt.set(due, new Set([path]))
    else paths.add(path)
  }

  /** Hands out what is due, the soonest first. */
  takeDue(nowMs: number): RelativePath[] {
    const times = Array.from(this.#pathsAt.keys()).filter((dueMs) => dueMs <= nowMs)
    const due = times.sort((a, b) => a - b).flatMap((dueMs) => Array.from(this.#pathsAt.get(dueMs)!))
    for (const path of due) this.#dueOf.delete(path)
    for (const dueMs of times) this.#pathsAt.delete(dueMs)
    return due
  }

  #remove(path: RelativePath, dueMs: number): void {
    const paths = this.#pathsAt.get(dueMs)!
    paths.delete(path)
    if (paths.size === 0) this.#pathsAt.delete(dueMs)
  }
}
