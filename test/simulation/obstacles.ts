import { isLive } from '../../src/model/file-record.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { WorldDevice } from '../node/world-device.ts'

/** Nothing of that is anywhere. */
export const awayTarget = '/away'

/** What persons have put where synced files were: FIFOs, and links that lead out of the folder. */
export class Obstacles {
  readonly #counts = new Map<WorldDevice, number>()

  /** To be called after each edit: until the next one p2psync alone is at work. */
  note(at: WorldDevice, isFirst = false): void {
    if (isFirst || this.#counts.size > 0) this.#counts.set(at, obstaclesIn(at).length)
  }

  /** What is wrong with what a device has made of them, once it has had time. */
  async problemsOf(at: WorldDevice): Promise<string[]> {
    const paths = obstaclesIn(at) as RelativePath[]
    const problems: string[] = []
    // A folder that is moved takes along what is in it.
    if (paths.length < (this.#counts.get(at) ?? 0)) problems.push(`${at.name} has removed one`)
    const told = new Set(at.replica.view.status().problems.map(({ path }) => path))
    for (const [i, row] of (await at.replica.index.getMany(paths)).entries()) {
      const path = paths[i]!
      if (row !== null && isLive(row.record)) problems.push(`${at.name} claims ${path}`)
      if (!told.has(path)) problems.push(`${at.name} does not tell of ${path}`)
    }
    return problems
  }
}

export function obstaclesIn(at: WorldDevice): string[] {
  return [...at.tree()].flatMap(([path, what]) => (isObstacle(what) ? [path] : []))
}

export function isObstacle(what: string | undefined): boolean {
  return what?.startsWith('other') === true || what === `symlink ${awayTarget}`
}
