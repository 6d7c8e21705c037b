import { keyLevel as levelOf, emptyKeyLevel } from '../merkle/key-level.ts'
import { LeafCutter, rewriteRun, touchedRuns, type EntryChange, type LeafRun } from '../merkle/cut-leaves.ts'
import {
  buildTree,
  emptyTree,
  replaceLeaves,
  type LeafSplice,
  type MerkleTree,
  type TreeNode,
} from '../merkle/merkle-tree.ts'
import { P2psyncError } from '../model/errors.ts'
import type { KeyValueStore, StoreEntry, StoreOperation } from '../ports/key-value-store.ts'
import { keyRange, prefix, prefixed } from './index-keys.ts'
import { readRanges } from './read-range.ts'
import { rowHead } from './row-codec.ts'

/** What a commit does to the tree. */
export interface LeafPlan {
  readonly tree: MerkleTree
  /** The leaves' summary rows. */
  readonly operations: readonly StoreOperation[]
  /** The rows before the change, for each change in order; undefined where there was none. */
  readonly before: readonly (Uint8Array | undefined)[]
}

/**
 * Reads the leaves that `changes` (ascending, each key once) touch and recomputes them. The rows of a leaf are its
 * content, so this also finds what each row was before.
 */
export async function planLeaves(
  store: KeyValueStore,
  tree: MerkleTree,
  changes: readonly EntryChange[],
): Promise<LeafPlan> {
  const runs = touchedRuns(tree, changes)
  const read = await readRanges(
    store,
    runs.map((run) => keyRange(prefix.row, run.firstKey, run.end)),
  )
  const splices: LeafSplice[] = []
  const operations: StoreOperation[] = []
  const before: (Uint8Array | undefined)[] = []
  for (const [i, run] of runs.entries()) {
    const entries = read[i]!.map(([key, row]) => ({ key: key.subarray(1), hash: rowHead(row).hash, row }))
    const splice = rewriteRun(tree, run, entries)
    splices.push(splice)
    for (const operation of leafOperations(tree.levels[0]!.slice(run.from, run.to), splice.leaves)) {
      operations.push(operation)
    }
    for (const row of rowsOf(run, read[i]!)) before.push(row)
  }
  return { tree: replaceLeaves(tree, splices), operations, before }
}

/** The tree as its summary rows have it. @throws {P2psyncError} `index-damaged` when the first is not there. */
export async function loadTree(store: KeyValueStore): Promise<MerkleTree> {
  const leaves: TreeNode[] = []
  for await (const page of store.pages(keyRange(prefix.leaf, nothing, null))) {
    for (const [key, value] of page) {
      if (value.length !== 33) throw new P2psyncError('index-damaged', 'the index was damaged: a leaf is garbage')
      // Copies come out of shared slabs: a view would keep all of its page alive.
      const hash = Buffer.from(value.subarray(1))
      leaves.push({ firstKey: Buffer.from(key.subarray(1)), keyLevel: value[0]!, hash })
    }
  }
  if (leaves.length === 0) return emptyTree
  if (leaves[0]!.firstKey.length > 0)
    throw new P2psyncError('index-damaged', 'the index was damaged: leaves are missing')
  return buildTree(leaves)
}

/** The tree as the rows themselves make it: what {@link loadTree} must be equal to. Reads everything. */
export async function rebuildTree(store: KeyValueStore): Promise<MerkleTree> {
  const cutter = new LeafCutter(nothing, emptyKeyLevel)
  for await (const page of store.pages(keyRange(prefix.row, nothing, null))) {
    for (const [key, row] of page) {
      const pathKey = key.subarray(1)
      cutter.add({ key: pathKey, hash: rowHead(row).hash }, levelOf(pathKey))
    }
  }
  return buildTree(cutter.finish())
}

const nothing = new Uint8Array(0)

function* leafOperations(old: readonly TreeNode[], leaves: readonly TreeNode[]): Generator<StoreOperation> {
  let next = 0
  for (const leaf of old) {
    while (next < leaves.length && Buffer.compare(leaves[next]!.firstKey, leaf.firstKey) < 0) next++
    const stays = next < leaves.length && Buffer.compare(leaves[next]!.firstKey, leaf.firstKey) === 0
    if (!stays) yield { type: 'del', key: prefixed(prefix.leaf, leaf.firstKey) }
  }
  for (const { firstKey, keyLevel, hash } of leaves) {
    yield { type: 'put', key: prefixed(prefix.leaf, firstKey), value: prefixed(keyLevel, hash) }
  }
}

function* rowsOf(run: LeafRun, entries: readonly StoreEntry[]): Generator<Uint8Array | undefined> {
  let next = 0
  for (const { key } of run.changes) {
    while (next < entries.length && Buffer.compare(entries[next]![0].subarray(1), key) < 0) next++
    const entry = entries[next]
    yield entry !== undefined && Buffer.compare(entry[0].subarray(1), key) === 0 ? entry[1] : undefined
  }
}
