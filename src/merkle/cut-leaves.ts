import { assert } from '../model/errors.ts'
import { keyLevel } from './key-level.ts'
import { nodeIndexFor, type LeafSplice, type MerkleTree, type TreeNode } from './merkle-tree.ts'
import { leafHash, type TreeEntry } from './node-hash.ts'

/** An entry that is put (hash of 16 bytes) or taken away (null). */
export interface EntryChange {
  readonly key: Uint8Array
  readonly hash: Uint8Array | null
}

/** Neighbouring leaves that change together: their entries are those with `firstKey <= key < end`. */
export interface LeafRun<Change extends EntryChange = EntryChange> {
  readonly from: number
  readonly to: number
  readonly firstKey: Uint8Array
  /** Null: to the end of the tree. */
  readonly end: Uint8Array | null
  /** In order. */
  readonly changes: readonly Change[]
}

/** Called with each leaf that is cut, in order, and its entries. */
export type LeafTaker<Entry extends TreeEntry> = (leaf: TreeNode, entries: readonly Entry[]) => void

/** The leaves that `changes` (ascending, each key once) touch, as runs in order. */
export function touchedRuns<Change extends EntryChange>(
  tree: MerkleTree,
  changes: readonly Change[],
): LeafRun<Change>[] {
  const leaves = tree.levels[0]!
  const runs: { from: number; to: number; changes: Change[] }[] = []
  let leaf = 0
  for (const change of changes) {
    const last = runs.at(-1)
    // Most changes are in the same leaf as the one before.
    const next = leaves[leaf + 1]
    if (last === undefined || (next !== undefined && Buffer.compare(next.firstKey, change.key) <= 0)) {
      leaf = nodeIndexFor(leaves, change.key)
    }
    // A leaf whose first key goes is joined to the one before it.
    const opens = change.hash === null && Buffer.compare(leaves[leaf]!.firstKey, change.key) === 0
    const from = opens ? leaf - 1 : leaf
    if (last !== undefined && from <= last.to) {
      last.to = leaf + 1
      last.changes.push(change)
    } else runs.push({ from, to: leaf + 1, changes: [change] })
  }
  return runs.map(({ from, to, changes: inside }) => {
    return { from, to, changes: inside, firstKey: leaves[from]!.firstKey, end: leaves[to]?.firstKey ?? null }
  })
}

/**
 * What becomes of a run whose entries before the change are `entries`, in order. `take` is given the new leaves with
 * their entries: of a change that puts, the change itself.
 */
export function rewriteRun<Entry extends TreeEntry>(
  tree: MerkleTree,
  run: LeafRun<Entry | EntryChange>,
  entries: readonly Entry[],
  take?: LeafTaker<Entry>,
): LeafSplice {
  const { firstKey, keyLevel: level } = tree.levels[0]![run.from]!
  const cutter = new LeafCutter(firstKey, level, take)
  // Keys that were there already open a leaf exactly when one of the old leaves starts with them.
  let leaf = run.from
  let next = 0
  const old = (entry: TreeEntry): number => {
    const leaves = tree.levels[0]!
    while (leaf + 1 < run.to && Buffer.compare(leaves[leaf + 1]!.firstKey, entry.key) <= 0) leaf++
    return Buffer.compare(leaves[leaf]!.firstKey, entry.key) === 0 ? leaves[leaf]!.keyLevel : 0
  }
  for (const entry of entries) {
    let replaced = false
    for (; next < run.changes.length; next++) {
      const change = run.changes[next]!
      const order = Buffer.compare(change.key, entry.key)
      if (order > 0) break
      replaced ||= order === 0
      if (puts(change)) cutter.add(change, order === 0 ? old(entry) : keyLevel(change.key))
    }
    if (!replaced) cutter.add(entry, old(entry))
  }
  for (; next < run.changes.length; next++) {
    const change = run.changes[next]!
    if (puts(change)) cutter.add(change, keyLevel(change.key))
  }
  return { from: run.from, to: run.to, leaves: cutter.finish() }
}

/** A change that puts is the entry that it puts. */
function puts<Entry extends TreeEntry>(change: Entry | EntryChange): change is Entry {
  return change.hash !== null
}

/** Cuts ascending entries into leaves. Keeps a copy of each leaf's first key and, until the leaf ends, its entries. */
export class LeafCutter<Entry extends TreeEntry = TreeEntry> {
  readonly #leaves: TreeNode[] = []
  readonly #take: LeafTaker<Entry> | null
  #firstKey: Uint8Array
  #keyLevel: number
  #entries: Entry[] = []

  /** The first leaf starts at `firstKey`, whether an entry has that key or not. */
  constructor(firstKey: Uint8Array, level: number, take: LeafTaker<Entry> | null = null) {
    this.#firstKey = firstKey
    this.#keyLevel = level
    this.#take = take
  }

  add(entry: Entry, level: number): void {
    const last = this.#entries.at(-1)?.key ?? this.#firstKey
    assert(Buffer.compare(last, entry.key) < (this.#entries.length === 0 ? 1 : 0), 'entries ascend')
    if (level > 0 && (this.#entries.length > 0 || Buffer.compare(this.#firstKey, entry.key) !== 0)) {
      this.#close()
      this.#firstKey = new Uint8Array(entry.key)
      this.#keyLevel = level
    }
    this.#entries.push(entry)
  }

  finish(): readonly TreeNode[] {
    this.#close()
    return this.#leaves
  }

  #close(): void {
    const leaf = { firstKey: this.#firstKey, keyLevel: this.#keyLevel, hash: leafHash(this.#entries) }
    this.#leaves.push(leaf)
    this.#take?.(leaf, this.#entries)
    this.#entries = []
  }
}
