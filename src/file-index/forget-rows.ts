import type { EntryChange } from '../merkle/cut-leaves.ts'
import { pathKey, type RelativePath } from '../model/relative-path.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import type { CommitState } from './commit-plan.ts'
import { count } from './index-head.ts'
import { planLeaves } from './leaf-rows.ts'
import { rowHead, rowKind } from './row-codec.ts'
import type { RowReader } from './row-reader.ts'

/** A tombstone as somebody saw it. */
export interface SeenRow {
  readonly path: RelativePath
  readonly seq: number
}

/** What takes these rows away, but for those that are no longer that very tombstone. The log keeps their numbers until it is too long. */
export async function planForget(
  parts: { readonly store: KeyValueStore; readonly rows: RowReader },
  state: CommitState,
  seen: readonly SeenRow[],
): Promise<CommitState & { readonly operations: StoreOperation[]; readonly forgotten: number }> {
  const bytes = await parts.rows.getMany(seen.map((row) => row.path))
  const counts = { ...state.counts }
  const changes: EntryChange[] = []
  for (const [i, { path, seq }] of seen.entries()) {
    const row = bytes[i]
    if (row === undefined || rowKind(row) !== 'tombstone' || rowHead(row).seq !== seq) continue
    changes.push({ key: pathKey(path), hash: null })
    count(counts, { kind: 'tombstone', sizeBytes: 0 }, -1)
  }
  changes.sort((a, b) => Buffer.compare(a.key, b.key))
  const leaves = await planLeaves(parts.store, state.tree, changes)
  return { ...state, counts, tree: leaves.tree, operations: leaves.operations, forgotten: changes.length }
}
