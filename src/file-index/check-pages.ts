import { leafHash } from '../merkle/node-hash.ts'
import { isEmptyLeaf, type MerkleTree } from '../merkle/merkle-tree.ts'
import type { KeyValueStore } from '../ports/key-value-store.ts'
import { keyRange, prefix } from './index-keys.ts'
import { decodePage } from './leaf-page.ts'

/**
 * Whether the pages of `store` are those of `tree`: each leaf has its page, the rows in it give the hash of the leaf and
 * lie between its ends, and there are `entries` of them and as many in the log. Null, or what is wrong. Reads all pages.
 */
export async function pagesProblem(store: KeyValueStore, tree: MerkleTree, entries: number): Promise<string | null> {
  const leaves = tree.levels[0]!
  let leaf = 0
  let rows = 0
  for await (const pages of store.pages({ ...keyRange(prefix.page, nothing, null), pageEntries: 64 })) {
    for (const [key, bytes] of pages) {
      const page = decodePage(bytes)
      // Only the first leaf may be empty, and then it may have no page.
      if (leaf === 0 && key.length > 1 && isEmptyLeaf(leaves[0]!)) leaf++
      const { firstKey, hash } = leaves[leaf] ?? { firstKey: null, hash: nothing }
      if (firstKey === null || Buffer.compare(key.subarray(1), firstKey) !== 0) return 'pages are missing'
      if (Buffer.compare(leafHash(page.entries), hash) !== 0) return 'rows are missing'
      const end = leaves[++leaf]?.firstKey ?? null
      const sameEnd = page.end === null || end === null ? page.end === end : Buffer.compare(page.end, end) === 0
      if (!sameEnd) return 'pages do not meet'
      rows += page.entries.length
    }
  }
  if (leaf === 0 && isEmptyLeaf(leaves[0]!)) leaf++
  if (leaf !== leaves.length) return 'pages are missing'
  if (rows !== entries) return 'its counts are of another state'
  let logged = 0
  for await (const page of store.pages(keyRange(prefix.log, nothing, null))) logged += page.length
  return logged === entries ? null : 'its log is not complete'
}

const nothing = new Uint8Array(0)
