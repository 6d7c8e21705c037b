import type { MerkleTree } from '../merkle/merkle-tree.ts'
import { blockHashToBytes } from '../model/block-hash.ts'
import type { FileRecord } from '../model/file-record.ts'
import { pathKey, type RelativePath } from '../model/relative-path.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import type { ContentChange } from './content-rows.ts'
import type { RowChange } from './row-change.ts'
import { count, type TreeCounts } from './index-head.ts'
import { logKey } from './index-keys.ts'
import { planLeaves } from './leaf-rows.ts'
import { encodeRow, rowContent, rowHead, rowKind, type RowContent } from './row-codec.ts'

/** What a commit starts from and what it leaves. */
export interface CommitState {
  readonly seq: number
  readonly counts: TreeCounts
  readonly tree: MerkleTree
}

export interface CommitPlan extends CommitState {
  readonly operations: StoreOperation[]
  /** What becomes of contents, which `operations` leave out. */
  readonly contents: readonly ContentChange[]
}

/** Everything that `changes` write, and the state once it is written. Reads only. */
export async function planCommit(
  store: KeyValueStore,
  state: CommitState,
  changes: readonly RowChange[],
): Promise<CommitPlan> {
  let { seq } = state
  const rows = lastOfEachPath(changes).map((change) => {
    const { record, disk } = change
    const row = encodeRow({ record, disk, seq: ++seq })
    return { change, key: pathKey(record.path), seq, row, hash: rowHead(row).hash }
  })
  rows.sort((a, b) => Buffer.compare(a.key, b.key))
  const { tree, operations, before } = await planLeaves(store, state.tree, rows)
  const counts = { ...state.counts }
  const contents: ContentChange[] = []
  for (const [i, { change, key, seq: rowSeq }] of rows.entries()) {
    const old = before[i]
    const had = old === undefined ? null : rowContent(old)
    if (old !== undefined) {
      count(counts, { kind: rowKind(old), sizeBytes: had?.sizeBytes ?? 0 }, -1)
      operations.push({ type: 'del', key: logKey(rowHead(old).seq) })
    }
    count(counts, change.record, 1)
    operations.push({ type: 'put', key: logKey(rowSeq), value: key })
    const has = contentOf(change.record)
    // A copy: the row is a view of its page.
    const kept = had === null ? null : { hash: Buffer.from(had.hash), sizeBytes: had.sizeBytes }
    if (kept !== null || has !== null) {
      contents.push({ key, before: kept, after: has, blockList: change.blockList ?? null })
    }
  }
  return { seq, counts, tree, operations, contents }
}

function contentOf({ content, sizeBytes }: FileRecord): RowContent | null {
  return content === '' ? null : { hash: blockHashToBytes(content), sizeBytes }
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
