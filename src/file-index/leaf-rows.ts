import { keyLevel as levelOf, emptyKeyLevel } from '../merkle/key-level.ts'
import { LeafCutter, rewriteRun, touchedRuns, type EntryChange, type LeafRun } from '../merkle/cut-leaves.ts'
import {
  buildTree,
  emptyTree,
  isEmptyLeaf,
  replaceLeaves,
  type LeafSplice,
  type MerkleTree,
  type TreeNode,
} from '../merkle/merkle-tree.ts'
import { P2psyncError } from '../model/errors.ts'
import { nextTurn } from '../model/next-turn.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import { keyRange, pageKey, prefix, prefixed } from './index-keys.ts'
import { decodePage, encodePage, type PageEntry } from './leaf-page.ts'

/** What a commit does to the tree. */
export interface LeafPlan {
  readonly tree: MerkleTree
  /** The leaves' pages and summary rows. */
  readonly operations: StoreOperation[]
  /** The rows before the change, for each change in order; undefined where there was none. */
  readonly before: (Uint8Array | undefined)[]
}

/**
 * Reads the leaves that `changes` (ascending, each key once) touch and rewrites them.
 *
 * @throws {P2psyncError} `index-damaged` when the page of a leaf is not there or cannot be read.
 */
export async function planLeaves(
  store: KeyValueStore,
  tree: MerkleTree,
  changes: readonly (PageEntry | EntryChange)[],
): Promise<LeafPlan> {
  const splices: LeafSplice[] = []
  const operations: StoreOperation[] = []
  const before: (Uint8Array | undefined)[] = []
  for (const runs of groupsOf(touchedRuns(tree, changes))) {
    for (const [i, pages] of (await readPages(store, tree, runs)).entries()) {
      const run = runs[i]!
      const entries = pages.flatMap((page) => decodePage(page).entries)
      // A folder that moved is one run, of thousands of entries.
      if (entries.length > entriesPerTurn) await nextTurn()
      const cuts: { leaf: TreeNode; entries: readonly PageEntry[] }[] = []
      splices.push(rewriteRun(tree, run, entries, (leaf, inside) => cuts.push({ leaf, entries: inside })))
      if (entries.length > entriesPerTurn) await nextTurn()
      for (const { firstKey } of goneLeaves(tree.levels[0]!.slice(run.from, run.to), cuts)) {
        operations.push({ type: 'del', key: pageKey(firstKey) }, { type: 'del', key: prefixed(prefix.leaf, firstKey) })
      }
      for (const [n, { leaf, entries: inside }] of cuts.entries()) {
        const page = encodePage(cuts[n + 1]?.leaf.firstKey ?? run.end, inside)
        operations.push({ type: 'put', key: pageKey(leaf.firstKey), value: page })
        const summary = prefixed(leaf.keyLevel, leaf.hash)
        operations.push({ type: 'put', key: prefixed(prefix.leaf, leaf.firstKey), value: summary })
      }
      if (entries.length > entriesPerTurn) await nextTurn()
      for (const row of rowsOf(run, entries)) before.push(row)
    }
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
  for await (const pages of store.pages({ ...keyRange(prefix.page, nothing, null), pageEntries: 64 })) {
    for (const [, page] of pages) {
      for (const entry of decodePage(page).entries) cutter.add(entry, levelOf(entry.key))
    }
  }
  return buildTree(cutter.finish())
}

const nothing = new Uint8Array(0)

const entriesPerTurn = 1000
/** So many pages, of about 4 KiB, are read at once. */
const pagesAtOnce = 250

function* groupsOf(runs: readonly Run[]): Generator<readonly Run[]> {
  let group: Run[] = []
  let pages = 0
  for (const run of runs) {
    group.push(run)
    pages += run.to - run.from
    if (pages < pagesAtOnce) continue
    yield group
    group = []
    pages = 0
  }
  if (group.length > 0) yield group
}

type Run = LeafRun<PageEntry | EntryChange>

/** The pages of each run. */
async function readPages(store: KeyValueStore, tree: MerkleTree, runs: readonly Run[]): Promise<Uint8Array[][]> {
  const leaves = tree.levels[0]!
  const read = await store.getMany(
    runs.flatMap((run) => leaves.slice(run.from, run.to).map((leaf) => pageKey(leaf.firstKey))),
  )
  let at = 0
  return runs.map((run) => {
    const pages = read.slice(at, at + run.to - run.from)
    at += pages.length
    return pages.flatMap((page, i) => {
      if (page !== undefined) return [page]
      if (isEmptyLeaf(leaves[run.from + i]!)) return []
      throw new P2psyncError('index-damaged', 'the index was damaged: a page is missing')
    })
  })
}

function goneLeaves(old: readonly TreeNode[], cuts: readonly { readonly leaf: TreeNode }[]): TreeNode[] {
  let next = 0
  return old.filter(({ firstKey }) => {
    while (next < cuts.length && Buffer.compare(cuts[next]!.leaf.firstKey, firstKey) < 0) next++
    return next === cuts.length || Buffer.compare(cuts[next]!.leaf.firstKey, firstKey) !== 0
  })
}

function* rowsOf(run: Run, entries: readonly PageEntry[]): Generator<Uint8Array | undefined> {
  let next = 0
  for (const { key } of run.changes) {
    while (next < entries.length && Buffer.compare(entries[next]!.key, key) < 0) next++
    const entry = entries[next]
    yield entry !== undefined && Buffer.compare(entry.key, key) === 0 ? entry.row : undefined
  }
}
