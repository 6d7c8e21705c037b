import type { EntryChange } from '../merkle/cut-leaves.ts'
import { pathKey, type RelativePath } from '../model/relative-path.ts'
import type { KeyValueStore } from '../ports/key-value-store.ts'
import type { ContentChange } from './block-lists.ts'
import type { CommitPlan, CommitState } from './commit-plan.ts'
import { count } from './index-head.ts'
import { planLeaves } from './leaf-rows.ts'
import { rowContent, rowHead, rowKind } from './row-codec.ts'
import type { RowReader } from './row-reader.ts'

/** A row as somebody saw it: of a tombstone, unless it is said to live. */
export interface SeenRow {
  readonly path: RelativePath
  readonly seq: number
  readonly live?: true
}

/** What takes these rows away, each once, but for those that are no longer what was seen; block lists are left to `contents`. The log keeps their numbers until it is too long. */
export async function planForget(
  parts: { readonly store: KeyValueStore; readonly rows: RowReader },
  state: CommitState,
  seen: readonly SeenRow[],
): Promise<ForgetPlan> {
  const bytes = await parts.rows.getMany(seen.map((row) => row.path))
  const counts = { ...state.counts }
  const changes: EntryChange[] = []
  const contents: ContentChange[] = []
  const taken = new Set<RelativePath>()
  for (const [i, { path, seq, live = false }] of seen.entries()) {
    const row = bytes[i]
    if (taken.has(path) || row === undefined || (rowKind(row) !== 'tombstone') !== live || rowHead(row).seq !== seq)
      continue
    taken.add(path)
    const key = pathKey(path)
    const before = rowContent(row)
    changes.push({ key, hash: null })
    count(counts, { kind: rowKind(row), sizeBytes: before?.sizeBytes ?? 0 }, -1)
    if (before !== null) contents.push({ key, before, after: null, blockList: null, kept: null })
  }
  changes.sort((a, b) => Buffer.compare(a.key, b.key))
  const leaves = await planLeaves(parts.store, state.tree, changes)
  return { ...state, counts, tree: leaves.tree, operations: leaves.operations, contents, forgotten: changes.length }
}

type ForgetPlan = Omit<CommitPlan, 'log'> & { readonly forgotten: number }
