import { dayMs } from '../model/day.ts'
import type { FolderIndex } from '../file-index/folder-index.ts'
import type { ForgetNote } from '../file-index/forget-notes.ts'
import type { SeenRow } from '../file-index/forget-rows.ts'
import { errorText } from '../model/errors.ts'
import { isLive, type FileRecord } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import type { Decision } from '../reconcile/decide.ts'
import { isIndexDamage } from './index-folder.ts'
import { hasGone } from './look.ts'
import type { SerialQueue } from './serial-queue.ts'
import { decideWithAge, deletionDay, isDeclined, judgeClock, mayForget, seenDaysMin, utcDay } from './tombstone-age.ts'

const lookMs = 60 * 60_000
const rowsPerCommit = 1000

/**
 * Forgets the tombstones of one folder when they are old enough: once a UTC day, right after midnight or after the first
 * scan of a start, unless the wall clock has leapt. Knows what a tombstone still says that a peer has kept.
 */
export class ForgetTombstones {
  readonly #deps: ForgetTombstonesDeps
  #note: ForgetNote | null = null
  #lookedAt: number | null = null
  #isRunning = false

  constructor(deps: ForgetTombstonesDeps) {
    this.#deps = deps
  }

  /** The tree is about to change. */
  get isRunning(): boolean {
    return this.#isRunning
  }

  /** To be called once, before anything else. */
  async load(): Promise<void> {
    this.#note = await this.#deps.index.forgetNotes.note()
    await this.#lookAtClock()
  }

  /** False for a day after the wall clock has leapt: what is old by it may not be. */
  async trustsClock(): Promise<boolean> {
    await this.#lookAtClock()
    return this.#now().isTrusted
  }

  /** What to do with a peer's record, as `decide`, with the age of tombstones in view. */
  decide(local: FileRecord | null, remote: FileRecord): Decision {
    return decideWithAge(local, remote, this.#now())
  }

  /** True when a record that knows this change of ours need not be of a life that the database has lost. */
  mayHaveForgotten(counter: number): boolean {
    return counter <= this.#known.seq
  }

  /** How many of these records we leave out because they are tombstones which we have forgotten, or would at once. */
  async countDeclined(records: readonly FileRecord[]): Promise<number> {
    const { nowMs, isTrusted } = this.#now()
    const old = isTrusted ? records.filter((record) => isDeclined(record, nowMs)) : []
    const rows = await this.#deps.index.getMany(old.map((record) => record.path))
    return rows.filter((row) => row === null).length
  }

  /** A peer has kept a tombstone that we may have forgotten: it and older ones stay until they are as old as any may be. */
  async onTaken(record: FileRecord): Promise<void> {
    if (isLive(record)) return
    const day = deletionDay(record)
    if (day <= this.#known.heldDay || day > utcDay(this.#now().nowMs) - seenDaysMin) return
    await this.#save({ ...this.#known, heldDay: day })
  }

  /** Peers may know any change of ours of which we are about to know nothing any more. */
  async onForgetting(): Promise<void> {
    await this.#save({ ...this.#known, seq: this.#deps.index.seq })
  }

  /** Runs until the signal is aborted. `isReady` is true once the folder has been scanned. */
  async run(isReady: () => boolean): Promise<void> {
    const { clock, logger, signal } = this.#deps
    while (!signal.aborted) {
      const ready = isReady()
      await this.#look(ready).catch((error: unknown) => {
        if (isIndexDamage(error)) throw error
        logger.warn('deletions could not be forgotten', { error: errorText(error) })
      })
      const nowMs = this.#deps.clock.now()
      const untilMidnight = (utcDay(nowMs) + 1) * dayMs - nowMs
      await clock.sleep(ready ? Math.min(lookMs, untilMidnight) : readyPollMs, signal).catch(() => undefined)
    }
  }

  async #look(isReady: boolean): Promise<void> {
    await this.#lookAtClock()
    const { nowMs, isTrusted } = this.#now()
    if (isReady && isTrusted && this.#known.ranDay < utcDay(nowMs)) await this.#forgetAll(utcDay(nowMs))
  }

  get #known(): ForgetNote {
    if (this.#note === null) throw new Error('the note was not loaded')
    return this.#note
  }

  #now(): { nowMs: number; isTrusted: boolean } {
    return { nowMs: this.#deps.clock.now(), isTrusted: this.#known.doubtedSinceMs === 0 }
  }

  async #lookAtClock(): Promise<void> {
    const { clock, logger } = this.#deps
    const at = clock.monotonic()
    const passedMs = this.#lookedAt === null ? null : at - this.#lookedAt
    const judged = judgeClock(this.#known, { nowMs: Math.max(clock.now(), 0), passedMs })
    const isNews = judged.doubtedSinceMs !== this.#known.doubtedSinceMs
    if (!isNews && this.#lookedAt !== null && passedMs! < lookMs / 2) return
    this.#lookedAt = at
    if (isNews && judged.doubtedSinceMs !== 0)
      logger.info('the clock has leapt: for a day no deletion is forgotten, and no old version cleared away')
    await this.#save({ ...this.#known, ...judged })
  }

  async #forgetAll(today: number): Promise<void> {
    const { index, signal, logger } = this.#deps
    this.#isRunning = true
    try {
      const at = { today, ackedSeq: await index.forgetNotes.ackedByAll(), heldDay: this.#known.heldDay }
      await this.onForgetting()
      let forgotten = 0
      let seen: SeenRow[] = []
      if (index.summary.tombstones > 0) {
        for await (const page of index.rowHeads()) {
          const paths = page.filter((row) => !row.live).map((row) => row.path)
          seen.push(...(await this.#oldOnes(paths, at)))
          if (signal.aborted) return
          if (seen.length < rowsPerCommit) continue
          forgotten += await this.#forget(seen)
          seen = []
        }
      }
      forgotten += await this.#forget(seen)
      await this.#save({ ...this.#known, ranDay: today })
      if (forgotten > 0) logger.info('deletions forgotten', { forgotten })
    } finally {
      this.#isRunning = false
      this.#deps.onChange()
    }
  }

  async #oldOnes(paths: readonly RelativePath[], at: Parameters<typeof mayForget>[1]): Promise<SeenRow[]> {
    if (paths.length === 0) return []
    const rows = await this.#deps.index.getMany(paths)
    return rows.flatMap((row) => {
      if (row === null || isLive(row.record)) return []
      const { record, seq } = row
      return mayForget({ day: deletionDay(record), seq }, at) ? [{ path: record.path, seq }] : []
    })
  }

  /** What is there again is left to the scan that will find it: its new version has to know of the deletion. */
  async #forget(seen: readonly SeenRow[]): Promise<number> {
    if (seen.length === 0) return 0
    const { index, tasks, commits } = this.#deps
    return commits.run(async () => {
      const looks = await tasks.lstat(seen.map((row) => row.path))
      // After the look: in a folder that is away nothing is there.
      if (!(await this.#deps.isFolderThere())) return 0
      return index.forget(seen.filter((_, i) => hasGone(looks[i])))
    })
  }

  async #save(note: ForgetNote): Promise<void> {
    this.#note = note
    await this.#deps.index.forgetNotes.setNote(note)
  }
}

/** Until the first scan is done. */
const readyPollMs = 1000

export interface ForgetTombstonesDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly logger: Logger
  readonly commits: SerialQueue
  readonly signal: AbortSignal
  readonly isFolderThere: () => Promise<boolean>
  readonly onChange: () => void
}
