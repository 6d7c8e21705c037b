import type { FolderIndex, IndexRow, RowChange } from '../file-index/folder-index.ts'
import { fingerprint, isLive, type FileRecord } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Decision } from '../reconcile/decide.ts'
import { advanceVersion, compareVersions, joinVersions } from '../vector-clock/compare-versions.ts'
import type { Loss } from './change-window.ts'
import type { FolderGuard } from './folder-guard.ts'
import { lossOf } from './guard-losses.ts'
import { isSameRecord, type Need } from './need.ts'
import type { Needs } from './needs.ts'
import type { Work } from './work.ts'

/** Of one that waits: no problem of its path, {@link FolderGuard.held} tells of all of them. */
export const heldReason = 'it waits with others: p2psync guard approve|reject'
const askAgainMs = 60 * 60_000
const restOfBatchMs = 200

/** Counts what a peer tells as soon as it is told: a batch is known before the first of it is applied. */
export function noteTold({ incoming: guard, told }: FolderGuard, row: IndexRow | null, decision: Decision): void {
  if (decision.action !== 'take' || told.isRejected(decision.record)) return
  const loss = lossOf(row?.record ?? null, decision.record)
  if (loss !== null) guard.note([loss])
  else if (row === null || !isLive(row.record)) guard.gained(decision.record.path, decision.record.content)
}

/** Those of a job that may go on. The others wait: for the rest of what a peer is telling, or for a person. */
export async function withoutHeld(work: readonly Work[], deps: GuardIncomingDeps): Promise<Work[]> {
  const { guard, needs, clock, isReceiving } = deps
  const { incoming } = guard
  const losses = new Map<Work, Loss>()
  const left: Work[] = []
  for (const item of work) {
    const { need, row, decision } = item
    const isThere = row !== null && row.disk !== null
    const loss = isThere && decision.action === 'take' ? lossOf(row.record, decision.record) : null
    if (loss !== null && guard.told.isRejected(need.record)) {
      needs.requeue(need, clock.monotonic() + askAgainMs, heldReason)
      continue
    }
    if (loss !== null) losses.set(item, loss)
    left.push(item)
  }
  if (left.length < work.length) guard.told.onCome()
  if (losses.size === 0) return left
  // What is lost at one path may be gained at another one, of which we are to hear yet.
  if (incoming.held === null && incoming.room < 0 && isReceiving() && !needs.isFull) {
    for (const { need } of losses.keys()) needs.requeue(need, clock.monotonic() + restOfBatchMs, '')
    return left.filter((item) => !losses.has(item))
  }
  const [first] = losses.keys()
  const held = await incoming.refuse([...losses.values()], first?.need.record.writerName ?? '')
  if (held.size === 0) return left
  return left.filter((item) => {
    const { need } = item
    const mayGo = !held.has(need.record.path)
    // Somebody may have decided meanwhile.
    const isHeld = incoming.held !== null
    if (!mayGo && isHeld) guard.told.wait(need.record, losses.get(item)?.files ?? 0)
    if (!mayGo) needs.requeue(need, isHeld ? clock.monotonic() + askAgainMs : 0, isHeld ? heldReason : '')
    return mayGo
  })
}

/** Lets what waited be taken up at once. */
export function wakeHeld(needs: Needs, some: Iterable<Need> = needs.all()): void {
  for (const need of some) {
    if (need.reason !== heldReason || need.state === 'active') continue
    need.attempts = 0
    needs.requeue(need, 0, '')
  }
}

export function hasHeld(needs: Needs): boolean {
  return Array.from(needs.all()).some((need) => need.reason === heldReason)
}

/** What this device keeps although a peer has removed or rewritten it: its records, as newer than what was told. */
export async function keepOurs(
  { index, deviceName }: Pick<GuardIncomingDeps, 'index' | 'deviceName'>,
  needs: Needs,
  isAsked: (need: Need) => boolean,
): Promise<{ readonly changes: readonly RowChange[]; readonly settled: readonly Need[] }> {
  const waiting = Array.from(needs.all()).filter((need) => need.state === 'queued' && isAsked(need))
  const rows = await index.getMany(waiting.map(({ record }) => record.path))
  const changes = new Map<RelativePath, RowChange>()
  const settled: Need[] = []
  for (const [i, need] of waiting.entries()) {
    const { record: told } = need
    const row = rows[i] ?? null
    const isNewer = row !== null && compareVersions(row.record.version, told.version) === 'before'
    if (row === null || lossOf(row.record, told) === null) {
      // What waited is no loss any more: it was removed here meanwhile.
      if (need.reason === heldReason) needs.requeue(need, 0, '')
      continue
    }
    if (need.reason !== heldReason && !isNewer) continue
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

/**
 * What a need asks for; null when it asks for nothing. What this disk has lost while nobody is told of it still has its row:
 * it is taken for what it is, so that a newer record finds what it expects, and what is to be restored comes back.
 */
export async function workOf(
  { need, row, decision }: { readonly need: Need; readonly row: IndexRow | null; readonly decision: Decision },
  { guard, tasks }: Pick<GuardIncomingDeps, 'guard' | 'tasks'>,
): Promise<Pick<Work, 'decision' | 'row' | 'isRewritten'> | null> {
  const plain = decision.action === 'nothing' ? null : { decision, row }
  if (row === null || !isLive(row.record) || !guard.outgoing.waits(row.record.path)) return plain
  const { isRestoring } = guard.outgoing
  if (plain === null && !(isRestoring && isSameRecord(row.record, need.record))) return null
  const [look] = await tasks.lstat([row.record.path])
  if (look === undefined || look.outcome === 'unknown' || look.outcome === 'unsynced') return plain
  if (plain?.decision.action === 'keep' || (!isRestoring && look.disk !== null)) return plain
  // Nothing is there whose time could be set.
  if (plain?.decision.action === 'adopt' && !isRestoring) return plain
  const { record } = plain?.decision ?? row
  return { decision: { action: 'take', record }, row: { ...row, disk: look.disk }, isRewritten: true }
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
