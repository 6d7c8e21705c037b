import type { LeafEntry, LocalTree, NodeRef, NodeSummary, TreeRoot, TreeSource } from '../merkle/diff-trees.ts'
import { childrenOf, nodeAt, nodeEnd, rootHash, treeHeight, type MerkleTree } from '../merkle/merkle-tree.ts'
import { pathFromKey, type RelativePath } from '../model/relative-path.ts'
import type { KeyValueStore } from '../ports/key-value-store.ts'
import { keyRange, prefix, rowKey } from './index-keys.ts'
import { rowHead } from './row-codec.ts'

/** The tree of an index: for walking a peer's and for answering a peer's walk. It is always the current one. */
export class StoredTree implements LocalTree, TreeSource {
  readonly #store: KeyValueStore
  readonly #tree: () => MerkleTree

  constructor(store: KeyValueStore, tree: () => MerkleTree) {
    this.#store = store
    this.#tree = tree
  }

  root(): Promise<TreeRoot> {
    const tree = this.#tree()
    return Promise.resolve({ hash: rootHash(tree), height: treeHeight(tree) })
  }

  nodeHash8(node: NodeRef): Uint8Array | null {
    return nodeAt(this.#tree(), node.level, node.firstKey)?.hash.subarray(0, 8) ?? null
  }

  async entryHashes(paths: readonly RelativePath[]): Promise<readonly (Uint8Array | null)[]> {
    const rows = await this.#store.getMany(paths.map(rowKey))
    return rows.map((row) => (row === undefined ? null : rowHead(row).hash.subarray(0, 8)))
  }

  children(nodes: readonly NodeRef[]): Promise<readonly (readonly NodeSummary[])[]> {
    const tree = this.#tree()
    const answer: NodeSummary[][] = []
    let bytes = 0
    for (const { level, firstKey } of nodes) {
      const children = childrenOf(tree, level, firstKey).map((child) => ({
        firstKey: child.firstKey,
        hash8: child.hash.subarray(0, 8),
      }))
      for (const child of children) bytes += listedBytes + child.firstKey.length
      if (answer.length > 0 && bytes > answerBytesMax) break
      answer.push(children)
    }
    return Promise.resolve(answer)
  }

  async entries(leaves: readonly NodeRef[]): Promise<readonly (readonly LeafEntry[])[]> {
    const answer: LeafEntry[][] = []
    let bytes = 0
    for (const group of neighbours(this.#tree(), leaves)) {
      const { lists, bytes: groupBytes } = await this.#read(group)
      bytes += groupBytes
      for (const list of lists) answer.push(list)
      if (bytes > answerBytesMax) break
    }
    return answer
  }

  /** Reads a stretch of leaves at once; ends after the leaf with which the answer is long enough. */
  async #read(group: readonly Stretch[]): Promise<{ lists: LeafEntry[][]; bytes: number }> {
    const lists: LeafEntry[][] = [[]]
    const last = group.at(-1)!
    let bytes = 0
    if (!last.there) return { lists, bytes }
    for await (const page of this.#store.pages(keyRange(prefix.row, group[0]!.firstKey, last.end))) {
      for (const [rowKeyBytes, row] of page) {
        const key = rowKeyBytes.subarray(1)
        for (let end = group[lists.length - 1]!.end; end !== null && Buffer.compare(key, end) >= 0;) {
          if (bytes > answerBytesMax) return { lists, bytes }
          lists.push([])
          end = group[lists.length - 1]!.end
        }
        lists.at(-1)!.push({ path: pathFromKey(key), hash8: rowHead(row).hash.slice(0, 8) })
        bytes += listedBytes + key.length
      }
    }
    while (lists.length < group.length) lists.push([])
    return { lists, bytes }
  }
}

/** So that an answer fits a control frame with room to spare, unless a single node is larger. */
const answerBytesMax = 384 * 1024
/** The hash and what frames it and its key. */
const listedBytes = 16

interface Stretch {
  readonly firstKey: Uint8Array
  readonly end: Uint8Array | null
  readonly there: boolean
}

/** Groups leaves that follow one another in the question and in the tree; one that is not there stands alone. */
function neighbours(tree: MerkleTree, leaves: readonly NodeRef[]): Stretch[][] {
  const groups: Stretch[][] = []
  for (const { level, firstKey } of leaves) {
    const there = level === 0 && nodeAt(tree, level, firstKey) !== null
    const leaf = { firstKey, end: nodeEnd(tree, 0, firstKey), there }
    const before = groups.at(-1)?.at(-1)
    const follows = there && before?.there && before.end !== null && Buffer.compare(before.end, firstKey) === 0
    if (follows) groups.at(-1)!.push(leaf)
    else groups.push([leaf])
  }
  return groups
}
