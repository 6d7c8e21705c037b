import { copyRecord, planSteps, type ChangeSteps } from '../apply/plan-steps.ts'
import { isSameButMetadata } from '../apply/recover.ts'
import type { FolderIndex, RowChange } from '../file-index/folder-index.ts'
import { fingerprint, isLive, noFingerprint, type FileRecord } from '../model/file-record.ts'
import { isBelow, parentPath, type RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks, StepResult } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import { advanceVersion } from '../vector-clock/compare-versions.ts'
import type { ChangeGuard } from './change-guard.ts'
import { chooseCopy } from './choose-copy.ts'
import type { DirtyPaths } from './dirty-paths.ts'
import type { FolderProblems } from './folder-problems.ts'
import { lookAtFreedNames } from './freed-names.ts'
import type { KnownDamage } from './known-damage.ts'
import type { Need } from './need.ts'
import type { Needs } from './needs.ts'
import { historyName } from './history-name.ts'
import { isAtOrBelow } from './recognise-moves.ts'
import { undoCopies } from './undo-copies.ts'
import type { UnflushedNames } from './unflushed-names.ts'
import { copiesOf, intentsOf, pathsOf, plannedChanges, type Work } from './work.ts'

/** A folder that should go but holds something is kept after so many looks. */
const emptyTriesMax = 4
/** What somebody is changing just now is tried again soon; what stays in the way is a problem after so many tries. */
const changedRetryMs = 50
const changedTriesMax = 5
const retryMsMax = 60_000

/**
 * Puts staged work in place and commits it: intents, steps on the disk, then records, disk states and tree in one durable
 * batch. To be called by one at a time, while nobody else commits.
 */
export class ChangeCommitter {
  readonly #deps: ChangeCommitterDeps

  constructor(deps: ChangeCommitterDeps) {
    this.#deps = deps
  }

  /** Settles each need: removed when done, else put back to be tried again. Returns those that are done. */
  async apply(work: readonly Work[], needs: Needs): Promise<readonly Need[]> {
    if (!(await this.#deps.isFolderThere())) return []
    const current = await this.#chooseCopies(await this.#stillCurrent(work, needs))
    if (current.length === 0) return []
    const { index, tasks, clock } = this.#deps
    const byDecision = new Map(current.map((item) => [item.decision, item]))
    const planned = planSteps(plannedChanges(current))
    const steps = planned.flatMap((change) => change.steps)
    const intents = intentsOf(current)
    if (intents.length > 0) await index.putIntents(intents)
    const results = steps.length === 0 ? [] : await tasks.apply(steps, { history: historyName(clock.now()) })
    const changes: RowChange[] = []
    const done: Need[] = []
    const failed: Work[] = []
    let at = 0
    for (const change of planned) {
      const own = results.slice(at, at + change.steps.length)
      at += change.steps.length
      const item = byDecision.get(change.change.decision)!
      const failure = own.find((result) => result.outcome !== 'done')
      const settled = item.movedFrom === null ? [item] : [item, item.movedFrom]
      if (failure === undefined) {
        changes.push(...this.#changesOf(item, change, own))
        for (const { need } of settled) done.push(need)
        continue
      }
      failed.push(item)
      for (const one of settled) await this.#onFailure(one, failure, needs, changes)
    }
    await undoCopies(this.#deps, intentsOf(failed))
    const clearIntents = intents.slice(0, 1).map(({ id }) => id)
    if (changes.length > 0 || clearIntents.length > 0) {
      const commit = (): Promise<void> => index.commit(changes, { durable: true, clearIntents })
      await this.#deps.damage.follow(changes, commit, copiesOf(current))
    }
    for (const need of done) {
      // What may lie where we removed nothing is told still.
      if (isLive(need.record)) this.#deps.problems.clear(need.record.path)
      needs.remove(need)
    }
    if (changes.length > 0) this.#deps.onCommit(changes)
    lookAtFreedNames(changes, this.#deps)
    await this.#lookAtImpliedFolders(changes)
    await this.#lookBelowRemovedFolders(current, changes)
    return done
  }

  /**
   * A file that came before its folder's record, or outlived it, has its folder on this disk all the same. Both are looked
   * at: who has renamed such a folder by then has left nothing that tells what was in it.
   */
  async #lookAtImpliedFolders(changes: readonly RowChange[]): Promise<void> {
    const parents = new Set<RelativePath>()
    for (const { record } of changes) {
      let parent = isLive(record) ? parentPath(record.path) : null
      for (; parent !== null && !parents.has(parent); parent = parentPath(parent)) parents.add(parent)
    }
    const folders = [...parents]
    const rows = await this.#deps.index.getMany(folders)
    const implied = new Set(folders.filter((_, i) => rows[i]?.record.kind !== 'folder'))
    if (implied.size === 0) return
    for (const folder of implied) this.#deps.dirty.add(folder)
    for (const { record } of changes) if (isAtOrBelow(record.path, implied)) this.#deps.dirty.add(record.path)
  }

  /** A folder that was gone here before a peer removed it had something in it that has gone, or moved, with it. */
  async #lookBelowRemovedFolders(work: readonly Work[], changes: readonly RowChange[]): Promise<void> {
    const { index, dirty } = this.#deps
    const committed = new Set(changes.map(({ record }) => record))
    for (const { decision, row } of work) {
      const { record } = decision
      const isRemoved = record.kind === 'tombstone' && row?.record.kind === 'folder' && committed.has(record)
      if (!isRemoved || !(await index.hasLiveBelow(record.path))) continue
      for await (const page of index.rows({ below: record.path })) {
        for (const below of page) if (isLive(below.record)) dirty.add(below.record.path)
      }
    }
  }

  /** What was decided about a row that has changed since is decided anew. */
  async #stillCurrent(work: readonly Work[], needs: Needs): Promise<Work[]> {
    const rows = await this.#deps.index.getMany(work.map((item) => item.decision.record.path))
    const stale = new Set<Work>()
    for (const [i, item] of work.entries()) if (rows[i]?.seq !== item.row?.seq) stale.add(item)
    for (const item of work) {
      if (item.movedFrom === null || stale.has(item) === stale.has(item.movedFrom)) continue
      stale.add(item)
      stale.add(item.movedFrom)
    }
    for (const item of stale) needs.requeue(item.need, 0, '')
    return work.filter((item) => !stale.has(item))
  }

  async #chooseCopies(work: readonly Work[]): Promise<Work[]> {
    const chosen: Work[] = []
    for (const item of work) {
      const { decision, row } = item
      const keepsCopy = decision.action === 'take-keeping-copy' && row !== null
      chosen.push(keepsCopy ? { ...item, ...(await chooseCopy(this.#deps.index, decision, row.record)) } : item)
    }
    return chosen
  }

  #changesOf(item: Work, { change }: ChangeSteps, results: readonly StepResult[]): RowChange[] {
    const { decision, row } = item
    const last = results.at(-1)
    const disk = last?.outcome === 'done' ? last.disk : (row?.disk ?? null)
    const away = results.flatMap((result) =>
      result.outcome === 'done' && result.away !== undefined ? [result.away] : [],
    )[0]
    const kept = away === undefined ? {} : { kept: away }
    const changes: RowChange[] = [{ record: decision.record, disk, blockList: item.blockList, ...kept }]
    if (item.movedFrom !== null) changes.push({ record: item.movedFrom.decision.record, disk: null })
    if (decision.action !== 'take-keeping-copy' || change.local === null) return changes
    const copy = results.find((result) => result.outcome === 'done' && result.kept !== null)
    if (copy?.outcome !== 'done' || copy.kept === null) return changes
    this.#deps.dirty.add(decision.copyPath)
    const there = item.copyRow?.record ?? null
    if (there !== null && isLive(there)) return changes
    const { index, deviceName } = this.#deps
    // Later than the tombstone of an earlier copy: that was not of this loser.
    const author = {
      version: advanceVersion(there?.version ?? [], index.writer, index.seq + 1),
      writer: index.writer,
      writerName: deviceName,
      basis: noFingerprint,
    }
    changes.push({ record: copyRecord(change.local.record, decision.copyPath, author), disk: copy.kept })
    return changes
  }

  async #onFailure(item: Work, result: StepResult, needs: Needs, changes: RowChange[]): Promise<void> {
    const { clock, dirty, logger } = this.#deps
    const { path } = item.decision.record
    const now = clock.monotonic()
    logger.debug('step not done', { path, result })
    if (item.decision.action === 'take-keeping-copy') dirty.add(item.decision.copyPath)
    if (result.outcome === 'changed') {
      dirty.add(path)
      const { attempts } = item.need
      const delayMs = Math.min(changedRetryMs * 2 ** attempts, retryMsMax)
      needs.requeue(item.need, now + delayMs, attempts < changedTriesMax ? '' : await this.#whatIsAt(path))
      return
    }
    if (result.outcome === 'done') return
    // What came to nothing is no edit, whatever the bytes are.
    if (result.left !== undefined && result.left.length > 0) await this.#deps.index.updateDisk(result.left)
    if (item.isRewritten === true && result.code === 'ENOTEMPTY' && item.row?.record.kind !== 'folder') {
      // What was rejected is a folder by now, and what is in it has been told.
      this.#deps.guard.outgoing.pass(path)
      dirty.add(path)
      needs.requeue(item.need, now + changedRetryMs, '')
      return
    }
    const holdsFolder =
      result.outcome === 'blocked' && result.code === 'ENOTEMPTY' && item.row?.record.kind === 'folder'
    if (holdsFolder) {
      await this.#onFolderNotEmpty(item, needs, changes)
      return
    }
    if (result.outcome === 'failed') {
      for (const at of pathsOf(item)) this.#deps.unflushed.add(at)
      await this.#knowMetadata(item)
    }
    // What failed at the end may be in place all the same.
    if (result.outcome === 'failed' || result.code === 'EEXIST') dirty.add(path)
    needs.requeue(item.need, now + Math.min(500 * 2 ** item.need.attempts, retryMsMax), result.reason)
    if (result.outcome === 'failed') this.#deps.onStepFailed(result.code)
  }

  async #whatIsAt(path: RelativePath): Promise<string> {
    const [look] = await this.#deps.tasks.lstat([path])
    const what = look?.outcome === 'taken' ? 'something that is not synced' : 'something else'
    return `${what} is at its path here`
  }

  /** Time and mode may be set all the same: that is no edit, whatever the bytes are. */
  async #knowMetadata({ decision, row }: Work): Promise<void> {
    const { index, tasks } = this.#deps
    const { record } = decision
    if (decision.action !== 'adopt' || row === null) return
    const disk = (await tasks.lstat([record.path]))[0]?.disk ?? null
    if (disk !== null && isSameButMetadata({ intended: record, disk, indexed: row.disk })) {
      await index.updateDisk([{ path: record.path, disk }])
    }
  }

  /**
   * A peer removed or replaced a folder that holds something here. While removals below it are still to come, or it has
   * not been looked at, that is tried again; then what lives in it wins: the folder is published anew.
   */
  async #onFolderNotEmpty(item: Work, needs: Needs, changes: RowChange[]): Promise<void> {
    const { path } = item.decision.record
    const { index, clock, dirty, problems } = this.#deps
    const now = clock.monotonic()
    const waits = hasRemovalBelow(needs, path) || this.#deps.isReceiving()
    const live = await index.hasLiveBelow(path)
    if (waits || (!live && item.need.attempts < emptyTriesMax)) {
      if (!live) dirty.add(path)
      // Waiting for others is no failed try.
      if (waits && live) item.need.attempts = 0
      needs.requeue(item.need, now + 200, waits ? '' : 'the folder was removed elsewhere but is not empty here')
      return
    }
    if (!live) problems.add(path, 'it was removed on another device and is kept: it holds entries that are not synced')
    const { record, disk } = item.row!
    const revived: FileRecord = {
      ...record,
      version: advanceVersion(record.version, index.writer, index.seq + 1),
      writer: index.writer,
      writerName: this.#deps.deviceName,
      basis: fingerprint(record),
    }
    changes.push({ record: revived, disk })
    needs.requeue(item.need, now, '')
  }
}

export interface ChangeCommitterDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly logger: Logger
  readonly dirty: DirtyPaths
  readonly problems: FolderProblems
  readonly unflushed: UnflushedNames
  readonly damage: Pick<KnownDamage, 'follow'>
  readonly guard: { readonly outgoing: Pick<ChangeGuard, 'pass'> }
  readonly deviceName: string
  readonly isFolderThere: () => Promise<boolean>
  readonly isReceiving: () => boolean
  readonly onCommit: (changes: readonly RowChange[]) => void
  readonly onStepFailed: (code: string) => void
}

function hasRemovalBelow(needs: Needs, folder: RelativePath): boolean {
  for (const need of needs.all()) {
    if (need.record.kind === 'tombstone' && isBelow(need.record.path, folder) && need.attempts < emptyTriesMax)
      return true
  }
  return false
}
