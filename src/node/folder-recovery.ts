import type { FolderIndex, IndexRow } from '../file-index/folder-index.ts'
import type { SeenRow } from '../file-index/forget-rows.ts'
import { sameDiskState, type DiskState } from '../model/disk-state.ts'
import { errorText } from '../model/errors.ts'
import { isLive } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { LstatResult } from '../ports/file-tasks.ts'
import type { BootNotes } from './boot-notes.ts'
import { isOlderVersion } from './cut-off.ts'
import type { FolderReplicaDeps } from './folder-replica-deps.ts'
import type { KnownDamage } from './known-damage.ts'
import { hasGone } from './look.ts'
import { recoverFolder } from './recover-folder.ts'
import type { LookedAgain, SecondLooks } from './second-looks.ts'
import type { SerialQueue } from './serial-queue.ts'

/** By the defaults of Linux everything is on its way to the disk after half a minute. */
const onDiskAfterMs = 60_000

/**
 * What the end of an earlier process has left half done, and what a power cut has taken of the last minute before it.
 *
 * A file system that loses its power may forget names: a file that was saved is not there, or is its old version once
 * more. Nobody has deleted it, and nobody went back. After a boot that is another than that of the process before, rows of
 * that minute whose files are gone are forgotten, as if they never had been here: peers that have them tell of them. Where
 * an older version is there, the row stays, and the file is damaged. Somebody who did delete a file in that minute, or
 * before the node was there again, gets it back.
 */
export class FolderRecovery {
  /** What a power cut has damaged, for whoever repairs it. */
  readonly damage: KnownDamage
  readonly #deps: FolderRecoveryDeps
  #recovered = false
  #recovering: Promise<void> | null = null
  #noted: LookedAgain | null = null
  #isSameBoot = false

  constructor(deps: FolderRecoveryDeps) {
    this.#deps = deps
    this.damage = deps.damage
  }

  /** False when the system has run on since the process before: what a file lacks now, no power cut has taken. */
  get mayHaveLostPower(): boolean {
    return !this.#isSameBoot
  }

  /**
   * To be called when the folder is there, before anything in it is looked at, or told to peers. What was done once is not
   * done again, what has failed is. False when the folder has gone away meanwhile.
   */
  async recover(): Promise<boolean> {
    if (this.#recovered) return true
    this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = null
    })
    await this.#recovering
    return this.#recovered
  }

  async #recover(): Promise<void> {
    await this.damage.load()
    this.#recovered = await this.#deps.commits.run(async () => {
      await recoverFolder(this.#deps)
      return this.#lookForLostNames()
    })
  }

  /** Notes from time to time how far changes have surely reached the disk. Works until the signal is aborted. */
  async run(): Promise<void> {
    const { clock, index, signal } = this.#deps
    while (!signal.aborted) {
      const { seq } = index
      await clock.sleep(onDiskAfterMs, signal).catch(() => undefined)
      // What was written and not yet looked at again is for the next start, should this process end.
      const { done } = this.#deps.looks
      const doneSeq = Math.min(seq, done.seq)
      if (signal.aborted || !this.#recovered) continue
      if (doneSeq > (this.#noted?.seq ?? -1)) await this.#note({ seq: doneSeq, changedMs: done.changedMs })
    }
  }

  /** The log of the index has a new epoch: what was noted of it holds on. */
  async onRenewed(): Promise<void> {
    if (this.#noted !== null) await this.#note(this.#noted)
  }

  /** False when the folder is away. */
  async #lookForLostNames(): Promise<boolean> {
    const { bootNotes, index, logger, looks } = this.#deps
    const boot = (await bootNotes?.boot()) ?? ''
    if (bootNotes === undefined || boot === '') return true
    const note = await bootNotes.load()
    this.#isSameBoot = note?.epoch === index.epoch && note.boot === boot
    if (note?.epoch === index.epoch && !this.#isSameBoot) {
      const lost = await this.#giveUpLost(note.seq)
      if (lost === null) return false
      if (lost > 0) logger.warn('a power cut took names of files: peers are asked for them', { files: lost })
    }
    // After a power cut, other bytes in the same state are damage.
    if (note?.epoch === index.epoch && (this.#isSameBoot || !index.isAfterCrash)) await this.#takeUpLooks(note)
    if (note !== null && this.#isSameBoot) {
      this.#noted = note
      return true
    }
    if (note !== null && index.isAfterCrash) await this.#countAnew()
    await this.#note({ seq: index.seq, changedMs: looks.done.changedMs })
    return true
  }

  /**
   * The index, too, may have lost its last commits, of which peers know: a change that this device makes from here on is
   * none that has seen those.
   */
  async #countAnew(): Promise<void> {
    const { index } = this.#deps
    await index.renewIncarnation(index.seq)
    // No row is of the old life and later than that.
    await index.forgetNotes.endRenewal()
  }

  /** @returns how many rows were forgotten, or null when the folder is away. */
  async #giveUpLost(afterSeq: number): Promise<number | null> {
    const { index, tasks } = this.#deps
    if (index.seq <= afterSeq) return 0
    const gone: SeenRow[] = []
    const older: { path: RelativePath; disk: DiskState }[] = []
    for await (const page of rowsAfter(index, afterSeq)) {
      const rows = page.filter((row) => isLive(row.record))
      const looks = await tasks.lstat(rows.map((row) => row.record.path))
      for (const [i, row] of rows.entries()) {
        const { path } = row.record
        const look = looks[i]!
        if (hasGone(look)) gone.push({ path, seq: row.seq, live: true })
        else if (hasGoneBack(row, look)) older.push({ path, disk: look.disk! })
      }
    }
    // After the look: in a folder that is away nothing is there.
    if (!(await this.#deps.isFolderThere())) return null
    if (older.length > 0) {
      const paths = older.map(({ path }) => path)
      await this.damage.add(paths, () => index.updateDisk(older))
    }
    if (gone.length > 0) await this.#deps.onForgetting()
    for (let at = 0; at < gone.length; at += rowsPerCommit) {
      await index.forget(gone.slice(at, at + rowsPerCommit), { durable: true, isLost: true })
    }
    return gone.length
  }

  async #takeUpLooks(done: LookedAgain): Promise<void> {
    const { index, looks } = this.#deps
    for await (const page of rowsAfter(index, done.seq)) looks.takeUp(page, done)
  }

  async #note({ seq, changedMs }: LookedAgain): Promise<void> {
    const { bootNotes, index, logger } = this.#deps
    try {
      const boot = (await bootNotes?.boot()) ?? ''
      if (boot !== '') await bootNotes?.save({ boot, epoch: index.epoch, seq, changedMs })
      this.#noted = { seq, changedMs }
    } catch (error) {
      logger.warn('how far changes are on the disk could not be noted', { error: errorText(error) })
    }
  }
}

const rowsPerCommit = 1000

/** The rows of the changes after `seq`, by the log: a start need not read a million others. */
async function* rowsAfter(index: FolderIndex, seq: number): AsyncGenerator<readonly IndexRow[]> {
  let at = seq
  while (at < index.seq) {
    const moved = index.moveAfter(at)
    if (moved !== null) {
      const { to } = moved.move
      const top = to === null ? null : await index.get(to)
      if (top !== null) yield [top]
      // A folder that was removed has left nothing that could be lost.
      if (to !== null) yield* index.rows({ below: to })
      at = moved.toSeq
      continue
    }
    const { records, toSeq } = await index.since(at, rowsPerCommit)
    const rows = await index.getMany(records.map(({ path }) => path))
    yield rows.filter((row) => row !== null)
    if (toSeq <= at) throw new RangeError('the log does not go on')
    at = toSeq
  }
}

function hasGoneBack(row: IndexRow, look: LstatResult): boolean {
  if (row.disk === null || look.disk === null || sameDiskState(look.disk, row.disk)) return false
  return isOlderVersion(row.disk, look.disk)
}

export interface FolderRecoveryDeps extends Pick<FolderReplicaDeps, 'index' | 'tasks' | 'clock' | 'logger'> {
  /** By default no boot is told from another, and nothing is taken for lost. */
  readonly bootNotes?: BootNotes
  readonly damage: KnownDamage
  readonly looks: Pick<SecondLooks, 'done' | 'takeUp'>
  readonly commits: SerialQueue
  readonly signal: AbortSignal
  readonly isFolderThere: () => Promise<boolean>
  /** Peers may soon know changes of this device that it does not: that is no old database. */
  readonly onForgetting: () => Promise<void>
}
