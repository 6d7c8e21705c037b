import type { RelativePath } from '../model/relative-path.ts'
import type { ScanBatch } from '../ports/file-tasks.ts'
import { packStates, unpackStates, type PackedStates } from './packed-states.ts'

/** A {@link ScanBatch} on its way to another thread. */
export interface PackedScan extends Pick<ScanBatch, 'problems' | 'unknown'> {
  /** With a NUL, which no path has, between two. */
  readonly paths: string
  readonly states: PackedStates
  readonly linkTargets: readonly (readonly [index: number, target: string])[]
}

export function packScan({ entries, problems, unknown }: ScanBatch): PackedScan {
  const linkTargets: [number, string][] = []
  for (let i = 0; i < entries.length; i++) {
    const { linkTarget } = entries[i]!
    if (linkTarget !== '') linkTargets.push([i, linkTarget])
  }
  return {
    paths: joinPaths(entries),
    states: packStates(entries.map((entry) => entry.disk)),
    linkTargets,
    problems,
    unknown,
  }
}

export function unpackScan({ paths, states, linkTargets, problems, unknown }: PackedScan): ScanBatch {
  const names = splitPaths(paths)
  const entries = unpackStates(states).map((disk, i) => ({ path: names[i]!, disk, linkTarget: '' }))
  for (const [index, linkTarget] of linkTargets) entries[index]!.linkTarget = linkTarget
  return { entries, problems, unknown }
}

/** The paths of `items` as one string: a single one is cloned far faster than many. */
export function joinPaths(items: readonly { readonly path: RelativePath }[]): string {
  return items.map((item) => item.path).join('\0')
}

/** The inverse of {@link joinPaths}, but for no paths at all, which give one empty one. */
export function splitPaths(joined: string): RelativePath[] {
  return joined.split('\0') as RelativePath[]
}
