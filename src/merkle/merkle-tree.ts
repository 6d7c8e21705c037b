import { assert } from '../model/errors.ts'
import { emptyKeyLevel } from './key-level.ts'
import { emptyRootHash, leafHash, nodeHash } from './node-hash.ts'

/**
 * Which sets of (path, record) are equal, and where do two differ?
 *
 * A search tree in the order of the path keys. Whether a key opens a new node at a level is decided by the hash of the key
 * alone (key-level.ts), so equal sets give equal trees whatever their history, and a changed record moves no boundary.
 * The first node of each level starts at the empty key; the first leaf may hold nothing, every other holds its first key.
 * The tree ends at the first level that has a single node. Only nodes are kept here: entries stay with their owner.
 *
 * A change recomputes its leaf and one node a level; arrays of nodes are copied (a few pointers for each 16 entries).
 * Source: Auvolat and Taïani, "Merkle Search Trees" (2019); node boundaries by key as in Gustafson's okra.
 */
export interface MerkleTree {
  /** `levels[0]` are the leaves, the last level is the root alone; nodes ascend by first key. */
  readonly levels: readonly (readonly TreeNode[])[]
}

export interface TreeNode {
  /** The key that opened the node; empty for the first of its level. Not to be changed. */
  readonly firstKey: Uint8Array
  /** {@link keyLevel} of the first key. */
  readonly keyLevel: number
  /** 32 bytes. Not to be changed. */
  readonly hash: Uint8Array
}

/** Replaces the leaves `from` (inclusive) to `to` (exclusive) of the tree as it was. */
export interface LeafSplice {
  readonly from: number
  readonly to: number
  readonly leaves: readonly TreeNode[]
}

const emptyKey = new Uint8Array(0)
const emptyLeaf: TreeNode = { firstKey: emptyKey, keyLevel: emptyKeyLevel, hash: leafHash([]) }

/** The tree without entries. */
export const emptyTree: MerkleTree = { levels: [[emptyLeaf]] }

/** True for a leaf without entries, which only the first can be. */
export function isEmptyLeaf(leaf: TreeNode): boolean {
  return Buffer.compare(leaf.hash, emptyLeaf.hash) === 0
}

/** The tree over `leaves`, which ascend and begin with the leaf of the empty key. */
export function buildTree(leaves: readonly TreeNode[]): MerkleTree {
  assert(leaves[0]?.firstKey.length === 0, 'the first leaf starts at the empty key')
  const levels = [leaves]
  while (levels.at(-1)!.length > 1) levels.push(buildLevel(levels.at(-1)!, levels.length))
  return { levels }
}

/** The hash of the root in a fresh array: 32 zero bytes when there are no entries. */
export function rootHash(tree: MerkleTree): Uint8Array {
  const top = tree.levels.at(-1)![0]!
  const isEmpty = tree.levels.length === 1 && isEmptyLeaf(top)
  return new Uint8Array(isEmpty ? emptyRootHash : top.hash)
}

/** The level of the root; 0 when it is a leaf. */
export function treeHeight(tree: MerkleTree): number {
  return tree.levels.length - 1
}

/** The position of the last node whose first key is not after `key`: the one that holds it. */
export function nodeIndexFor(nodes: readonly TreeNode[], key: Uint8Array): number {
  return lowerBound(nodes, key, true) - 1
}

/** The node that starts at exactly `firstKey`, or null. */
export function nodeAt(tree: MerkleTree, level: number, firstKey: Uint8Array): TreeNode | null {
  const nodes = tree.levels[level]
  const node = nodes?.[nodeIndexFor(nodes, firstKey)]
  return node !== undefined && Buffer.compare(node.firstKey, firstKey) === 0 ? node : null
}

/** Where the keys of the node that starts at `firstKey` end (exclusive); null at the end of the level. */
export function nodeEnd(tree: MerkleTree, level: number, firstKey: Uint8Array): Uint8Array | null {
  const nodes = tree.levels[level] ?? []
  return nodes[lowerBound(nodes, firstKey, true)]?.firstKey ?? null
}

/** The children of a node of level 1 or higher, in order; none when there is no such node. */
export function childrenOf(tree: MerkleTree, level: number, firstKey: Uint8Array): readonly TreeNode[] {
  if (level < 1 || nodeAt(tree, level, firstKey) === null) return []
  const children = tree.levels[level - 1]!
  const end = nodeEnd(tree, level, firstKey)
  return children.slice(
    lowerBound(children, firstKey, false),
    end === null ? undefined : lowerBound(children, end, false),
  )
}

/** The tree with leaves replaced; `splices` ascend and do not overlap. `tree` stays as it is. */
export function replaceLeaves(tree: MerkleTree, splices: readonly LeafSplice[]): MerkleTree {
  const oldLeaves = tree.levels[0]!
  const leaves = withSplices(oldLeaves, splices)
  let edits: NodeEdit[] = []
  for (const splice of splices) {
    for (const edit of compareNodes(oldLeaves.slice(splice.from, splice.to), splice.leaves)) edits.push(edit)
  }
  const levels = [leaves]
  while (levels.at(-1)!.length > 1) {
    const level = levels.length
    const old = tree.levels[level]
    if (old === undefined) {
      levels.push(buildLevel(levels[level - 1]!, level))
      continue
    }
    const next = editLevel(old, levels[level - 1]!, edits, level)
    levels.push(next.nodes)
    edits = next.edits
  }
  return { levels }
}

interface NodeEdit {
  readonly key: Uint8Array
  readonly keyLevel: number
  readonly change: 'added' | 'removed' | 'changed'
}

function withSplices(nodes: readonly TreeNode[], splices: readonly LeafSplice[]): TreeNode[] {
  // Most changes move no boundary: copying the array whole is many times faster than node by node.
  if (splices.every((splice) => splice.leaves.length === splice.to - splice.from)) {
    const result = nodes.slice()
    for (const { from, leaves } of splices) for (const [i, leaf] of leaves.entries()) result[from + i] = leaf
    return result
  }
  const result: TreeNode[] = []
  let kept = 0
  for (const { from, to, leaves } of splices) {
    for (; kept < from; kept++) result.push(nodes[kept]!)
    for (const leaf of leaves) result.push(leaf)
    kept = to
  }
  for (; kept < nodes.length; kept++) result.push(nodes[kept]!)
  return result
}

/** What became of the nodes of a stretch. Both sides ascend. */
function compareNodes(before: readonly TreeNode[], after: readonly TreeNode[]): NodeEdit[] {
  const edits: NodeEdit[] = []
  let i = 0
  let j = 0
  while (i < before.length || j < after.length) {
    const old = before[i]
    const fresh = after[j]
    const order = old === undefined ? 1 : fresh === undefined ? -1 : Buffer.compare(old.firstKey, fresh.firstKey)
    if (order < 0) edits.push({ key: old!.firstKey, keyLevel: old!.keyLevel, change: 'removed' })
    else if (order > 0) edits.push({ key: fresh!.firstKey, keyLevel: fresh!.keyLevel, change: 'added' })
    else if (Buffer.compare(old!.hash, fresh!.hash) !== 0) {
      edits.push({ key: old!.firstKey, keyLevel: old!.keyLevel, change: 'changed' })
    }
    if (order <= 0) i++
    if (order >= 0) j++
  }
  return edits
}

/** One level up: opens and closes nodes for children that came and went, and hashes those whose children changed. */
function editLevel(
  old: readonly TreeNode[],
  children: readonly TreeNode[],
  edits: readonly NodeEdit[],
  level: number,
): { nodes: TreeNode[]; edits: NodeEdit[] } {
  const boundaries = edits.filter((edit) => edit.keyLevel > level && edit.change !== 'changed')
  const nodes = withBoundaries(old, boundaries)
  const dirty: number[] = []
  for (const edit of edits) {
    const owner = nodeIndexFor(nodes, edit.key)
    // A node that opens takes children from the one before it.
    if (edit.change === 'added' && edit.keyLevel > level && dirty.at(-1) !== owner - 1) dirty.push(owner - 1)
    if (dirty.at(-1) !== owner) dirty.push(owner)
  }
  const opened = new Set(boundaries.filter((edit) => edit.change === 'added').map((edit) => edit.key))
  const upward = boundaries.filter((edit) => edit.change === 'removed')
  for (const index of dirty) {
    const { firstKey, keyLevel } = nodes[index]!
    const end = nodes[index + 1]?.firstKey
    const from = lowerBound(children, firstKey, false)
    const to = end === undefined ? children.length : lowerBound(children, end, false)
    nodes[index] = { firstKey, keyLevel, hash: nodeHash(level, children, from, to) }
    upward.push({ key: firstKey, keyLevel, change: opened.has(firstKey) ? 'added' : 'changed' })
  }
  return { nodes, edits: upward.sort((a, b) => Buffer.compare(a.key, b.key)) }
}

/** A copy of `nodes` with those that open (their hash still missing) and without those that close. */
function withBoundaries(nodes: readonly TreeNode[], boundaries: readonly NodeEdit[]): TreeNode[] {
  if (boundaries.length === 0) return nodes.slice()
  const result: TreeNode[] = []
  let kept = 0
  for (const { key, keyLevel, change } of boundaries) {
    const at = lowerBound(nodes, key, false)
    for (; kept < at; kept++) result.push(nodes[kept]!)
    if (change === 'added') result.push({ firstKey: key, keyLevel, hash: emptyRootHash })
    else kept++
  }
  for (; kept < nodes.length; kept++) result.push(nodes[kept]!)
  return result
}

function buildLevel(children: readonly TreeNode[], level: number): TreeNode[] {
  const nodes: TreeNode[] = []
  for (let from = 0; from < children.length;) {
    let to = from + 1
    while (to < children.length && children[to]!.keyLevel <= level) to++
    const { firstKey, keyLevel } = children[from]!
    nodes.push({ firstKey, keyLevel, hash: nodeHash(level, children, from, to) })
    from = to
  }
  return nodes
}

/** How many nodes start before `key`, or not after it. */
function lowerBound(nodes: readonly TreeNode[], key: Uint8Array, inclusive: boolean): number {
  let low = 0
  let high = nodes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = Buffer.compare(nodes[middle]!.firstKey, key)
    if (order < 0 || (inclusive && order === 0)) low = middle + 1
    else high = middle
  }
  return low
}
