import type { MerkleTree } from '../merkle/merkle-tree.ts'
import { comparePaths, type RelativePath } from '../model/relative-path.ts'
import { eachInTurns, mapInTurns } from '../model/next-turn.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import type { ContentChange } from './block-lists.ts'
import type { RowChange } from './row-change.ts'
import { count, type TreeCounts } from './index-head.ts'
import { planLeaves } from './leaf-rows.ts'
import { logRows, type LogEntry } from './log-row.ts'
import { encodeRow, rowContent, rowKind } from './row-codec.ts'

/** What a commit starts from and what it leaves. */
export interface CommitState {
  readonly seq: number
  readonly counts: TreeCounts
  /** Changes in the log. */
  readonly logged: number
  readonly tree: MerkleTree
}

export interface CommitPlan extends CommitState {
  readonly operations: StoreOperation[]
  /** Rows of the log for these are among `operations`. */
  readonly log: readonly LogEntry[]
  /** Contents that come or go; `operations` leave their block lists out. */
  readonly contents: readonly ContentChange[]
}

/** Everything that `changes` write, and the state once it is written. `distinct`: each is of another path. Reads only. */
export async function planCommit(
  store: KeyValueStore,
  state: CommitState,
  changes: readonly RowChange[],
  { distinct = false } = {},
): Promise<CommitPlan> {
  let { seq } = state
  const log: LogEntry[] = []
  const isAscending = isInOrder(changes)
  const rows = await mapInTurns(isAscending || distinct ? changes : lastOfEachPath(changes), (change) => {
    const { row, key, hash, content } = encodeRow({ record: change.record, disk: change.disk, seq: ++seq })
    log.push({ seq, key, content: content?.hash ?? null })
    return { change, key, row, hash, after: content }
  })
  const operations = logRows(log)
  if (!isAscending) rows.sort((a, b) => Buffer.compare(a.key, b.key))
  const { tree, operations: leaves, before } = await planLeaves(store, state.tree, rows)
  for (const operation of leaves) operations.push(operation)
  const counts = { ...state.counts }
  const contents: ContentChange[] = []
  await eachInTurns(rows.entries(), ([i, { change, key, after }]) => {
    const old = before[i]
    const had = old === undefined ? null : rowContent(old)
    if (old !== undefined) count(counts, { kind: rowKind(old), sizeBytes: had?.sizeBytes ?? 0 }, -1)
    count(counts, change.record, 1)
    if (had !== null || after !== null)
      contents.push({ key, before: had, after, blockList: change.blockList ?? null, kept: change.kept ?? null })
  })
  return { seq, counts, logged: state.logged + log.length, tree, operations, log, contents }
}

/** Without what else a plan keeps. */
export function stateOf({ seq, counts, logged, tree }: CommitState): CommitState {
  return { seq, counts, logged, tree }
}

/** As most commits are, each path once: a scan goes in the order of the paths. */
function isInOrder(changes: readonly RowChange[]): boolean {
  for (let i = 1; i < changes.length; i++) {
    if (comparePaths(changes[i - 1]!.record.path, changes[i]!.record.path) >= 0) return false
  }
  return true
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
