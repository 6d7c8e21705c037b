import { leafHash } from '../merkle/node-hash.ts'
import { isEmptyLeaf, type MerkleTree } from '../merkle/merkle-tree.ts'
import type { KeyValueStore } from '../ports/key-value-store.ts'
import type { TreeCounts } from './index-head.ts'
import { keyRange, prefix } from './index-keys.ts'
import { decodePage } from './leaf-page.ts'
import { decodeLogRow } from './log-row.ts'
import { rowHead } from './row-codec.ts'

/**
 * Whether the pages of `store` are those of `tree`: each leaf has its page, the rows in it give the hash of the leaf and
 * lie between its ends, and there are `entries` of them, and the log has
 * `logged` changes with that of each row among them. Null, or what is wrong. Reads all pages.
 */
export async function pagesProblem(
  store: KeyValueStore,
  tree: MerkleTree,
  { counts: { entries }, logged }: { readonly counts: Pick<TreeCounts, 'entries'>; readonly logged: number },
): Promise<string | null> {
  const leaves = tree.levels[0]!
  let leaf = 0
  const seqs = new Float64Array(entries)
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
      for (const { row } of page.entries) seqs[rows++] = rowHead(row).seq
    }
  }
  if (leaf === 0 && isEmptyLeaf(leaves[0]!)) leaf++
  if (leaf !== leaves.length) return 'pages are missing'
  if (rows !== entries) return 'its counts are of another state'
  return (await hasChanges(store, seqs.sort(), logged)) ? null : 'its log is not complete'
}

/** Whether the log has `logged` changes and those with `seqs`, which ascend, among them. */
async function hasChanges(store: KeyValueStore, seqs: Float64Array, logged: number): Promise<boolean> {
  let found = 0
  let changes = 0
  for await (const page of store.pages({ ...keyRange(prefix.log, nothing, null), pageEntries: 64 })) {
    for (const [key, value] of page) {
      for (const { seq } of decodeLogRow(key, value)) {
        if (seq === seqs[found]) found++
        changes++
      }
    }
  }
  return found === seqs.length && changes === logged
}

const nothing = new Uint8Array(0)
