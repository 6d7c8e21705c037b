import type { RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FolderGuard } from './folder-guard.ts'
import type { Look } from './look.ts'

/** Of what it takes to be held, one part in so many is many. */
const partsOfMany = 4
/** Looks that come no later than this after one another may see the same program at work. */
const sameBurstMs = 1000

/**
 * Tells whether files are being removed or rewritten so fast that more of the same would be held: then all of it is to be
 * counted before the first of it is told.
 */
export class LossBurst {
  readonly #clock: Clock
  readonly #guard: FolderGuard
  /** What earlier looks of this burst have found. */
  readonly #paths = new Set<RelativePath>()
  #atMs = Number.NEGATIVE_INFINITY

  constructor({ clock, guard }: { readonly clock: Clock; readonly guard: FolderGuard }) {
    this.#clock = clock
    this.#guard = guard
  }

  maySoonBeHeld(look: Look): boolean {
    const { limits, outgoing } = this.#guard
    const { room } = outgoing
    if (limits === null || room <= 0) return false
    this.#forgetOld()
    const paths = lostIn(look).filter((path) => !this.#paths.has(path))
    return look.removed.length > 0 || (this.#paths.size + paths.length) * partsOfMany >= room + this.#paths.size
  }

  /** To be called once what a look has found is told. */
  onTold(look: Look): void {
    this.#forgetOld()
    const lost = lostIn(look)
    if (lost.length === 0 || this.#guard.limits === null) return
    this.#atMs = this.#clock.monotonic()
    const enough = this.#guard.outgoing.room
    for (const path of lost) if (this.#paths.size <= enough) this.#paths.add(path)
  }

  #forgetOld(): void {
    if (this.#atMs < this.#clock.monotonic() - sameBurstMs) this.#paths.clear()
  }
}

function lostIn(look: Look): RelativePath[] {
  return look.gone.concat(look.rewritten.map(({ path }) => path))
}
