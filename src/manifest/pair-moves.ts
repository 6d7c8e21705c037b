import { createHash } from 'node:crypto'
import type { ManifestEntry } from './manifest-entry.ts'

export interface PairedMoves {
  readonly moved: readonly { readonly from: ManifestEntry; readonly to: ManifestEntry; readonly files: number }[]
  /** Every entry that moved, with what it became: itself, and all below it. */
  readonly alongside: readonly (readonly [from: ManifestEntry, to: ManifestEntry])[]
  /** What is left of the given lists. */
  readonly gone: readonly ManifestEntry[]
  readonly fresh: readonly ManifestEntry[]
}

/**
 * Which of what is gone is what is new, elsewhere? Both lists are in path order.
 *
 * 1. A folder that is gone is gone with all that was below it, so that its entries here are the whole of it. Each gets a
 *    digest of names and contents below it; a new folder of the same digest is that folder, moved. Larger ones first, so
 *    that what moved with a folder around it does so.
 * 2. What is left is paired one by one: files by SHA-256 and size, links by their target.
 *
 * Where several have the same digest, those of the same name go together, then the first with the first. A folder
 * without a file is never taken for another one. Cost: linear, and a sort of the folders that are gone.
 */
export function pairMoves(gone: readonly ManifestEntry[], fresh: readonly ManifestEntry[]): PairedMoves {
  const before = new LooseTree(gone)
  const after = new LooseTree(fresh)
  const moved: PairedMoves['moved'][number][] = []
  const alongside: [ManifestEntry, ManifestEntry][] = []
  const pair = (from: Leaf, to: Leaf): void => {
    moved.push({ from: from.entry, to: to.entry, files: from.entry.kind === 'folder' ? to.files : 0 })
    pairBelow(from, to, alongside)
  }
  pairSameKeys(before.folders(), after.folders(), pair)
  pairSameKeys(before.leaves(), after.leaves(), pair)
  return { moved, alongside, gone: before.left(), fresh: after.left() }
}

/** An entry of one of the lists, with those of the same list below it. */
interface Leaf {
  readonly entry: ManifestEntry
  readonly name: string
  readonly children: Leaf[]
  /** Equal for equal content, below a folder also for equal names. */
  key: string
  /** Files at or below it. */
  files: number
  /** It and all below it. */
  entries: number
  isPaired: boolean
}

class LooseTree {
  readonly #leaves: Leaf[] = []

  constructor(entries: readonly ManifestEntry[]) {
    const open: Leaf[] = []
    for (const entry of entries) {
      const leaf = newLeaf(entry)
      while (open.length > 0 && !entry.path.startsWith(`${open.at(-1)!.entry.path}/`)) open.pop()
      open.at(-1)?.children.push(leaf)
      if (entry.kind === 'folder') open.push(leaf)
      this.#leaves.push(leaf)
    }
    // What is below a folder comes after it.
    for (const leaf of this.#leaves.toReversed()) sumUp(leaf)
  }

  /** Those that hold a file, somewhere. */
  folders(): Leaf[] {
    return this.#leaves.filter((leaf) => leaf.entry.kind === 'folder' && leaf.files > 0)
  }

  /** What is no folder and has no partner. */
  leaves(): Leaf[] {
    return this.#leaves.filter((leaf) => leaf.entry.kind !== 'folder' && !leaf.isPaired)
  }

  left(): ManifestEntry[] {
    return this.#leaves.filter((leaf) => !leaf.isPaired).map((leaf) => leaf.entry)
  }
}

function newLeaf(entry: ManifestEntry): Leaf {
  const name = entry.path.slice(entry.path.lastIndexOf('/') + 1)
  return {
    entry,
    name,
    children: [],
    key: leafKey(entry),
    files: entry.kind === 'file' ? 1 : 0,
    entries: 1,
    isPaired: false,
  }
}

function leafKey(entry: ManifestEntry): string {
  switch (entry.kind) {
    case 'file':
      return `f${entry.sha256} ${entry.sizeBytes}`
    case 'symlink':
      return `l${entry.linkTarget}`
    case 'folder':
      return ''
  }
}

function sumUp(leaf: Leaf): void {
  if (leaf.entry.kind !== 'folder') return
  const digest = createHash('sha256')
  for (const child of leaf.children) {
    // No name and no link target has a NUL.
    digest.update(`${child.name}\0${child.key}\0`)
    leaf.files += child.files
    leaf.entries += child.entries
  }
  leaf.key = `d${digest.digest('base64')}`
}

/** Calls `pair` for those of both sides that go together. */
function pairSameKeys(before: Iterable<Leaf>, after: Iterable<Leaf>, pair: PairLeaves): void {
  const candidates = Map.groupBy(after, (leaf) => leaf.key)
  const groups = Map.groupBy(before, (leaf) => leaf.key)
  for (const [key, group] of [...groups].sort(([, a], [, b]) => b[0]!.entries - a[0]!.entries)) {
    const old = group.filter((leaf) => !leaf.isPaired)
    const now = (candidates.get(key) ?? []).filter((leaf) => !leaf.isPaired)
    pairInOrder(old, now, (leaf) => leaf.name, pair)
    pairInOrder(old, now, () => '', pair)
  }
}

type PairLeaves = (from: Leaf, to: Leaf) => void

/** Pairs what has the same label and no partner yet, the first with the first. */
function pairInOrder(
  old: readonly Leaf[],
  now: readonly Leaf[],
  label: (leaf: Leaf) => string,
  pair: PairLeaves,
): void {
  const free = Map.groupBy(now.filter((leaf) => !leaf.isPaired).toReversed(), label)
  for (const leaf of old) {
    if (leaf.isPaired) continue
    // A folder in a folder of the same digest cannot be: no partner is taken by another one's pair.
    const partner = free.get(label(leaf))?.pop()
    if (partner !== undefined) pair(leaf, partner)
  }
}

// Both have the same names below them, each list in the order of its names.
function pairBelow(from: Leaf, to: Leaf, alongside: [ManifestEntry, ManifestEntry][]): void {
  const todo: [Leaf, Leaf][] = [[from, to]]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [old, now] = next
    old.isPaired = now.isPaired = true
    alongside.push([old.entry, now.entry])
    for (const [i, child] of old.children.entries()) todo.push([child, now.children[i]!])
  }
}
