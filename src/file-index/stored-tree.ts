import type { LeafEntry, LocalTree, NodeRef, NodeSummary, TreeRoot, TreeSource } from '../merkle/diff-trees.ts'
import { childrenOf, nodeAt, rootHash, treeHeight, type MerkleTree } from '../merkle/merkle-tree.ts'
import { pathFromKey, type RelativePath } from '../model/relative-path.ts'
import type { KeyValueStore } from '../ports/key-value-store.ts'
import { pageKey } from './index-keys.ts'
import { decodePage } from './leaf-page.ts'
import { rowHead } from './row-codec.ts'
import type { RowReader } from './row-reader.ts'

/** The tree of an index: for walking a peer's and for answering a peer's walk. It is always the current one. */
export class StoredTree implements LocalTree, TreeSource {
  readonly #store: KeyValueStore
  readonly #rows: RowReader
  readonly #tree: () => MerkleTree

  constructor(store: KeyValueStore, rows: RowReader, tree: () => MerkleTree) {
    this.#store = store
    this.#rows = rows
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
    const rows = await this.#rows.getMany(paths)
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
    for (let at = 0; at < leaves.length && bytes <= answerBytesMax; at += pagesAtOnce) {
      const part = leaves.slice(at, at + pagesAtOnce)
      const pages = await this.#store.getMany(part.map((leaf) => pageKey(leaf.firstKey)))
      for (const [i, page] of pages.entries()) {
        if (bytes > answerBytesMax) break
        const entries = page === undefined || part[i]!.level !== 0 ? [] : decodePage(page).entries
        answer.push(entries.map(({ key, hash }) => ({ path: pathFromKey(key), hash8: hash.slice(0, 8) })))
        for (const { key } of entries) bytes += listedBytes + key.length
      }
    }
    return answer
  }
}

/** So that an answer fits a control frame with room to spare, unless a single node is larger. */
const answerBytesMax = 384 * 1024
/** The hash and what frames it and its key. */
const listedBytes = 16

/** Leaves whose pages, of about 4 KiB, are read together. */
const pagesAtOnce = 64
