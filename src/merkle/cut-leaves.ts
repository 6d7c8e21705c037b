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
export interface LeafRun {
  readonly from: number
  readonly to: number
  readonly firstKey: Uint8Array
  /** Null: to the end of the tree. */
  readonly end: Uint8Array | null
  /** In order. */
  readonly changes: readonly EntryChange[]
}

/** The leaves that `changes` (ascending, each key once) touch, as runs in order. */
export function touchedRuns(tree: MerkleTree, changes: readonly EntryChange[]): LeafRun[] {
  const leaves = tree.levels[0]!
  const runs: { from: number; to: number; changes: EntryChange[] }[] = []
  for (const change of changes) {
    const last = runs.at(-1)
    const leaf = nodeIndexFor(leaves, change.key)
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

/** What becomes of a run whose entries before the change are `entries`, in order. */
export function rewriteRun(tree: MerkleTree, run: LeafRun, entries: readonly TreeEntry[]): LeafSplice {
  const { firstKey, keyLevel: level } = tree.levels[0]![run.from]!
  const cutter = new LeafCutter(firstKey, level)
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
      const { key, hash } = run.changes[next]!
      const order = Buffer.compare(key, entry.key)
      if (order > 0) break
      replaced ||= order === 0
      if (hash !== null) cutter.add({ key, hash }, order === 0 ? old(entry) : keyLevel(key))
    }
    if (!replaced) cutter.add(entry, old(entry))
  }
  for (; next < run.changes.length; next++) {
    const { key, hash } = run.changes[next]!
    if (hash !== null) cutter.add({ key, hash }, keyLevel(key))
  }
  return { from: run.from, to: run.to, leaves: cutter.finish() }
}

/** Cuts ascending entries into leaves. Keeps a copy of each leaf's first key and, until the leaf ends, its entries. */
export class LeafCutter {
  readonly #leaves: TreeNode[] = []
  #firstKey: Uint8Array
  #keyLevel: number
  #entries: TreeEntry[] = []

  /** The first leaf starts at `firstKey`, whether an entry has that key or not. */
  constructor(firstKey: Uint8Array, level: number) {
    this.#firstKey = firstKey
    this.#keyLevel = level
  }

  add(entry: TreeEntry, level: number): void {
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
    this.#leaves.push({ firstKey: this.#firstKey, keyLevel: this.#keyLevel, hash: leafHash(this.#entries) })
    this.#entries = []
  }
}
