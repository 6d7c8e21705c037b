import type { MerkleTree } from '../merkle/merkle-tree.ts'
import { pathKey, type RelativePath } from '../model/relative-path.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import { planContents, type ContentChange } from './content-rows.ts'
import type { RowChange } from './folder-index.ts'
import { count, type TreeCounts } from './index-head.ts'
import { logKey, prefix, prefixed } from './index-keys.ts'
import { planLeaves } from './leaf-rows.ts'
import { decodeRow, encodeRow, rowHead } from './row-codec.ts'

/** What a commit starts from and what it leaves. */
export interface CommitState {
  readonly seq: number
  readonly counts: TreeCounts
  readonly tree: MerkleTree
}

/** Everything that `changes` write, and the state once it is written. Reads only. */
export async function planCommit(
  store: KeyValueStore,
  state: CommitState,
  changes: readonly RowChange[],
): Promise<CommitState & { readonly operations: StoreOperation[] }> {
  let { seq, counts } = state
  const rows = lastOfEachPath(changes).map((change) => {
    const { record, disk } = change
    const row = encodeRow({ record, disk, seq: ++seq })
    return { change, key: pathKey(record.path), seq, row, hash: rowHead(row).hash }
  })
  rows.sort((a, b) => Buffer.compare(a.key, b.key))
  const leaves = await planLeaves(store, state.tree, rows)
  const operations: StoreOperation[] = []
  const contents: ContentChange[] = []
  for (const [i, { change, key, seq: rowSeq, row }] of rows.entries()) {
    const old = leaves.before[i]
    const before = old === undefined ? null : decodeRow(old)
    if (before !== null) {
      counts = count(counts, before.record, -1)
      operations.push({ type: 'del', key: logKey(before.seq) })
    }
    counts = count(counts, change.record, 1)
    operations.push({ type: 'put', key: prefixed(prefix.row, key), value: row })
    operations.push({ type: 'put', key: logKey(rowSeq), value: key })
    contents.push({ key, before: before?.record ?? null, after: change.record, blockList: change.blockList ?? null })
  }
  for (const operation of leaves.operations) operations.push(operation)
  for (const operation of await planContents(store, contents)) operations.push(operation)
  return { seq, counts, tree: leaves.tree, operations }
}

/** In the order in which each path was changed last. */
function lastOfEachPath(changes: readonly RowChange[]): RowChange[] {
  const last = new Map<RelativePath, RowChange>()
  for (const change of changes) {
    last.delete(change.record.path)
    last.set(change.record.path, change)
  }
  return [...last.values()]
}
