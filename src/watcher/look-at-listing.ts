import { StatePacker, StateReader, type PackedStates } from '../model/packed-states.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import type { ScanBatch, ScanEntry } from '../ports/file-tasks.ts'
import type { Listing } from './list-tree.ts'
import { lookAtEntry } from './look-at-entry.ts'

/** What was found at the paths of a listing, as plain data for another thread; `paths` are those where something is. */
export interface ListingLook extends Listing {
  readonly states: PackedStates
  readonly linkTargets: ReadonlyMap<number, string>
}

/** Looks at each path of a listing; what has vanished is left out. Cost: an lstat a path. */
export function lookAtListing(disk: Disk, root: string, listing: Listing): ListingLook {
  const states = new StatePacker(listing.count)
  const linkTargets = new Map<number, string>()
  const problems = [...listing.problems]
  const unknown = [...listing.unknown]
  const found: RelativePath[] = []
  for (const path of pathsOf(listing)) {
    const look = lookAtEntry(disk, root, path)
    if (look.outcome === 'found') {
      if (look.linkTarget !== '') linkTargets.set(found.length, look.linkTarget)
      states.add(look.disk)
      found.push(path)
    } else if (look.outcome !== 'absent' && !listing.unknown.includes(path)) {
      problems.push({ path, reason: look.reason })
      if (look.outcome !== 'taken') unknown.push(path)
    }
  }
  const paths = found.length === listing.count ? listing.paths : found.join('\0')
  return { paths, count: found.length, problems, unknown, states: states.finish(), linkTargets }
}

/** A look as a scan's batch: an entry becomes an object when it is asked for. */
export class LookedBatch implements ScanBatch {
  readonly paths: readonly RelativePath[]
  readonly problems: ScanBatch['problems']
  readonly unknown: ScanBatch['unknown']
  readonly #states: StateReader
  readonly #linkTargets: ReadonlyMap<number, string>

  /** Keeps `look` and what it holds. */
  constructor(look: ListingLook) {
    this.paths = pathsOf(look)
    this.problems = look.problems
    this.unknown = look.unknown
    this.#states = new StateReader(look.states)
    this.#linkTargets = look.linkTargets
  }

  get entries(): readonly ScanEntry[] {
    return this.paths.map((_, i) => this.entryAt(i))
  }

  entryAt(index: number): ScanEntry {
    const linkTarget = this.#linkTargets.get(index) ?? ''
    return { path: this.paths[index]!, disk: this.#states.at(index), linkTarget }
  }

  isSameAt(index: number, bytes: Uint8Array, at: number): boolean {
    return this.#states.isSameAt(index, bytes, at)
  }
}

function pathsOf({ paths, count }: Listing): RelativePath[] {
  return count === 0 ? [] : (paths.split('\0') as RelativePath[])
}
