import { comparePaths, type RelativePath } from '../model/relative-path.ts'
import { isAtOrBelow, type ManifestEntry, type ManifestPart, type ManifestProblem } from './manifest-entry.ts'
import { pairMoves } from './pair-moves.ts'

export type ManifestChange =
  | { readonly change: 'created' | 'deleted'; readonly path: string; readonly entry: ManifestEntry }
  | {
      readonly change: 'modified'
      readonly path: string
      readonly entry: ManifestEntry
      readonly before: ManifestEntry
    }
  /** `files`: how many came along below a folder that moved as a whole. `entry` is the new one. */
  | {
      readonly change: 'moved'
      readonly path: string
      readonly from: string
      readonly entry: ManifestEntry
      readonly files: number
    }

export interface ManifestDifference {
  /** In path order; what moved stands at its new path. */
  readonly changes: readonly ManifestChange[]
  /** What could not be read on either side: at and below these paths nothing is said to be created or deleted. */
  readonly problems: readonly ManifestProblem[]
}

/**
 * What made the new tree out of the old one? Both are read once, side by side in path order; only differences are kept.
 *
 * With `times` another modification time is a change too.
 */
export async function diffManifests(
  older: AsyncIterable<ManifestPart>,
  newer: AsyncIterable<ManifestPart>,
  { times = false }: { readonly times?: boolean } = {},
): Promise<ManifestDifference> {
  await using before = new Cursor(older)
  await using after = new Cursor(newer)
  const gone: ManifestEntry[] = []
  const fresh: ManifestEntry[] = []
  const changes: ManifestChange[] = []
  while ((before.entry ?? (await before.fill())) !== null || (after.entry ?? (await after.fill())) !== null) {
    // Each side is at its next entry now, or at its end.
    const old = before.entry
    const now = after.entry ?? (await after.fill())
    const order =
      old === null ? 1 : now === null ? -1 : comparePaths(old.path as RelativePath, now.path as RelativePath)
    if (order < 0) gone.push(old!)
    else if (order > 0) fresh.push(now!)
    else if (!isSameEntry(old!, now!, times)) {
      changes.push({ change: 'modified', path: now!.path, entry: now!, before: old! })
    }
    if (order <= 0) before.step()
    if (order >= 0) after.step()
  }
  return conclude({ gone, fresh, changes, before: before.problems, after: after.problems, times })
}

interface Found {
  readonly gone: readonly ManifestEntry[]
  readonly fresh: readonly ManifestEntry[]
  readonly changes: ManifestChange[]
  readonly before: readonly ManifestProblem[]
  readonly after: readonly ManifestProblem[]
  readonly times: boolean
}

function conclude({ gone, fresh, changes, before, after, times }: Found): ManifestDifference {
  const unknownBefore = new Set(before.map((problem) => problem.path))
  const unknownAfter = new Set(after.map((problem) => problem.path))
  const moves = pairMoves(
    gone.filter((entry) => !isAtOrBelow(entry.path, unknownAfter)),
    fresh.filter((entry) => !isAtOrBelow(entry.path, unknownBefore)),
  )
  for (const entry of moves.gone) changes.push({ change: 'deleted', path: entry.path, entry })
  for (const entry of moves.fresh) changes.push({ change: 'created', path: entry.path, entry })
  for (const { from, to, files } of moves.moved) {
    changes.push({ change: 'moved', path: to.path, from: from.path, entry: to, files })
  }
  for (const [from, to] of moves.alongside) {
    if (!isSameEntry(from, to, times)) changes.push({ change: 'modified', path: to.path, entry: to, before: from })
  }
  changes.sort((a, b) => comparePaths(a.path as RelativePath, b.path as RelativePath))
  return { changes, problems: [...before, ...after] }
}

function isSameEntry(a: ManifestEntry, b: ManifestEntry, times: boolean): boolean {
  if (a.kind === 'folder' || b.kind === 'folder') return a.kind === b.kind
  if (times && a.mtimeNs !== b.mtimeNs) return false
  if (a.kind === 'symlink' || b.kind === 'symlink') {
    return a.kind === 'symlink' && b.kind === 'symlink' && a.linkTarget === b.linkTarget
  }
  return a.sha256 === b.sha256 && a.sizeBytes === b.sizeBytes && a.executable === b.executable
}

/** The entries of a manifest one by one; only at the end of a part is something waited for. */
class Cursor {
  readonly problems: ManifestProblem[] = []
  readonly #parts: AsyncIterator<ManifestPart>
  #entries: readonly ManifestEntry[] = []
  #at = 0

  constructor(parts: AsyncIterable<ManifestPart>) {
    this.#parts = parts[Symbol.asyncIterator]()
  }

  /** The next entry as far as it was read already. */
  get entry(): ManifestEntry | null {
    return this.#entries[this.#at] ?? null
  }

  step(): void {
    this.#at++
  }

  /** Reads on when there is no next entry yet; null at the end. */
  async fill(): Promise<ManifestEntry | null> {
    while (this.entry === null) {
      const step: IteratorResult<ManifestPart, unknown> = await this.#parts.next()
      if (step.done === true) return null
      this.#entries = step.value.entries
      this.#at = 0
      for (const problem of step.value.problems) this.problems.push(problem)
    }
    return this.entry
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.return?.()
  }
}
