import type { FolderIndex, IndexRow, RowChange } from '../file-index/folder-index.ts'
import { fingerprint, isLive, type FileRecord } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Decision } from '../reconcile/decide.ts'
import { advanceVersion, compareVersions, joinVersions } from '../vector-clock/compare-versions.ts'
import type { Work } from './change-committer.ts'
import type { ChangeGuard } from './change-guard.ts'
import type { Loss } from './change-window.ts'
import type { FolderGuard } from './folder-guard.ts'
import { lossOf } from './guard-losses.ts'
import { isSameRecord, type Need } from './need.ts'
import type { Needs } from './needs.ts'

/** Of one that waits; `status` shows it. */
const heldReason = 'it waits with others: p2psync guard approve|reject'
const askAgainMs = 60 * 60_000
const restOfBatchMs = 200

/** Counts what a peer tells as soon as it is told: a batch is known before the first of it is applied. */
export function noteTold(guard: ChangeGuard, row: IndexRow | null, decision: Decision): void {
  if (decision.action !== 'take') return
  const loss = lossOf(row?.record ?? null, decision.record)
  if (loss !== null) guard.note([loss])
  else if (row === null || !isLive(row.record)) guard.gained(decision.record.path, decision.record.content)
}

/** Those of a job that may go on. The others wait: for the rest of what a peer is telling, or for a person. */
export async function withoutHeld(work: readonly Work[], deps: GuardIncomingDeps): Promise<Work[]> {
  const { guard, needs, clock, isReceiving } = deps
  const { incoming } = guard
  const losses = new Map<Work, Loss>()
  for (const item of work) {
    const loss = item.decision.action === 'take' ? lossOf(item.row?.record ?? null, item.decision.record) : null
    if (loss !== null) losses.set(item, loss)
  }
  if (losses.size === 0) return [...work]
  // What is lost at one path may be gained at another one, of which we are to hear yet.
  if (incoming.held === null && incoming.room < 0 && isReceiving() && !needs.isFull) {
    for (const { need } of losses.keys()) needs.requeue(need, clock.monotonic() + restOfBatchMs, '')
    return work.filter((item) => !losses.has(item))
  }
  const [first] = losses.keys()
  const held = await incoming.refuse([...losses.values()], first?.need.record.writerName ?? '')
  if (held.size === 0) return [...work]
  return work.filter(({ need }) => {
    const mayGo = !held.has(need.record.path)
    if (!mayGo) needs.requeue(need, clock.monotonic() + askAgainMs, heldReason)
    return mayGo
  })
}

/** Lets what waited be taken up at once. */
export function wakeHeld(needs: Needs): void {
  for (const need of needs.all()) {
    if (need.reason !== heldReason || need.state === 'active') continue
    need.attempts = 0
    needs.requeue(need, 0, '')
  }
}

/** What this device keeps although a peer has removed or rewritten it: its records, as newer than what was told. */
export async function keepOurs(
  { index, deviceName }: Pick<GuardIncomingDeps, 'index' | 'deviceName'>,
  needs: Needs,
): Promise<{ readonly changes: readonly RowChange[]; readonly settled: readonly Need[] }> {
  const waiting = Array.from(needs.all()).filter((need) => need.state === 'queued')
  const rows = await index.getMany(waiting.map(({ record }) => record.path))
  const changes = new Map<RelativePath, RowChange>()
  const settled: Need[] = []
  for (const [i, need] of waiting.entries()) {
    const { record: told } = need
    const row = rows[i] ?? null
    const isNewer = row !== null && compareVersions(row.record.version, told.version) === 'before'
    if (row === null || lossOf(row.record, told) === null || (need.reason !== heldReason && !isNewer)) continue
    settled.push(need)
    const { writer } = index
    const ours = changes.get(told.path)?.record ?? {
      ...row.record,
      version: advanceVersion(row.record.version, writer, index.seq + 1),
    }
    const version = joinVersions(ours.version, told.version)
    const record = { ...ours, version, writer, writerName: deviceName, basis: fingerprint(told) }
    changes.set(told.path, { record, disk: row.disk })
  }
  return { changes: Array.from(changes.values()), settled }
}

/** What a need for the record that is ours already asks for: what was lost here is to be as it was. Null for another one. */
export async function restoringWork(
  { need, row }: { readonly need: Need; readonly row: IndexRow | null },
  { guard, tasks }: Pick<GuardIncomingDeps, 'guard' | 'tasks'>,
): Promise<Pick<Work, 'decision' | 'row'> | null> {
  if (!guard.outgoing.isRestoring || row === null || !isLive(row.record)) return null
  const { path } = row.record
  if (!isSameRecord(row.record, need.record) || !guard.outgoing.waits(path)) return null
  const [look] = await tasks.lstat([path])
  if (look === undefined || look.outcome === 'unknown' || look.outcome === 'unsynced') return null
  return { decision: { action: 'take', record: row.record }, row: { ...row, disk: look.disk } }
}

/** Asks the connected devices for everything that is to be restored. */
export async function needHeld(
  { index, guard }: Pick<GuardIncomingDeps, 'index' | 'guard'>,
  ask: (record: FileRecord) => void,
): Promise<void> {
  const askFor = (rows: readonly (IndexRow | null)[]): void => {
    for (const row of rows) if (row !== null && isLive(row.record)) ask(row.record)
  }
  for (const path of guard.outgoing.paths) {
    const row = await index.get(path)
    askFor([row])
    if (row?.record.kind !== 'folder') continue
    for await (const page of index.rows({ below: path })) askFor(page)
  }
}

export interface GuardIncomingDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly guard: FolderGuard
  readonly needs: Needs
  readonly deviceName: string
  readonly isReceiving: () => boolean
}
