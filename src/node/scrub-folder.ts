import { dayMs } from '../model/day.ts'
import type { FolderIndex, IndexRow } from '../file-index/folder-index.ts'
import { errorText } from '../model/errors.ts'
import { isRelativePath, type RelativePath } from '../model/relative-path.ts'
import type { ScrubAction, ScrubStatus } from '../model/scrub-status.ts'
import type { DamageKeeper } from './known-damage.ts'
import { scrubFile, type ScrubFileDeps } from './scrub-file.ts'
import { paceScrub } from './scrub-pace.ts'
import { rowsAfter } from './scrub-rows.ts'
import { damageText, scrubStatus } from './scrub-report.ts'
import { addCounts, newNote, unrepairedMax, type ScrubCounts, type ScrubNote, type ScrubNotes } from './scrub-notes.ts'
import { SerialQueue } from './serial-queue.ts'
import { beingChanged, ScrubRepair, type ScrubRepairDeps } from './scrub-repair.ts'

/** What could not be repaired is tried again when other devices are connected, and after so long. */
const retryMs = 60 * 60_000
const peersPollMs = 60_000
const saveEveryMs = 60_000
const suspectsMax = 1000

/**
 * Reads all files of a folder again, slowly, each month and when it is asked to: bytes that went bad while nobody wrote are
 * damage, and never a change. What is damaged is repaired from other devices, and told as long as it is not.
 */
export class ScrubFolder implements DamageKeeper {
  readonly #deps: ScrubFolderDeps
  readonly #pace = (bytes: number): Promise<void> => paceScrub(bytes, { ...this.#deps, signal: this.#signal })
  readonly #repair: ScrubRepair
  readonly #stopping = new AbortController()
  /** Of what is under way now. */
  #signal = this.#stopping.signal
  readonly #suspects = new Set<RelativePath>()
  /** Known to be damaged, however lately they were changed; remembered as those that could not be repaired. */
  readonly #sure = new Set<RelativePath>()
  #loading: Promise<void> | null = null
  readonly #unrepaired = new Map<RelativePath, string>()
  #note: ScrubNote = newNote
  #halt: AbortController | null = null
  readonly #saves = new SerialQueue()
  #wake: () => void = () => undefined
  #running: Promise<void> = Promise.resolve()
  #retryAt = 0
  #retriedWith = ''

  constructor(deps: ScrubFolderDeps) {
    this.#deps = deps
    this.#repair = new ScrubRepair({ ...deps, signal: this.#stopping.signal, pace: this.#pace })
  }

  /** Goes on with what an earlier run of the node has begun, in the background. */
  async start(): Promise<void> {
    await this.load()
    this.#running = this.#loop().catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) this.#deps.logger.error('scrubbing ended', { error: errorText(error) })
    })
  }

  /** Learns what an earlier run of the node has noted. To be called before anything is committed: what is damaged may move. */
  load(): Promise<void> {
    this.#loading ??= this.#load()
    return this.#loading
  }

  async #load(): Promise<void> {
    const { clock, random, notes } = this.#deps
    // The first one comes at any time of the month: not all devices, and folders, at once.
    const nextAt = clock.now() + random.fraction() * newNote.everyDays * dayMs
    const stored = await notes.load()
    this.#note = stored ?? { ...newNote, nextAt }
    for (const path of this.#note.unrepaired.filter(isRelativePath)) {
      this.#unrepaired.set(path, 'it is damaged')
      this.#sure.add(path)
    }
    if (stored === null) await this.#save()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    await this.#running
    await this.#saves.run(async () => undefined)
  }

  change(action: ScrubAction): void {
    if (action === 'start') this.begin()
    else if (action === 'stop') this.halt()
    else this.#every(action.everyDays)
  }

  #every(everyDays: number): void {
    const nextAt = this.#nextAt(this.#note.finishedAt ?? this.#deps.clock.now(), everyDays)
    this.#note = { ...this.#note, everyDays, nextAt }
    this.#wake()
    void this.#save()
  }

  /** Spread, so that what began together does not stay together. */
  #nextAt(after: number, everyDays: number): number | null {
    return everyDays === 0 ? null : after + everyDays * dayMs * (0.9 + 0.2 * this.#deps.random.fraction())
  }

  /** Begins a run now; one that is under way goes on. */
  begin(): void {
    if (this.#note.startedAt !== null) return
    const { everyDays, nextAt, finishedAt } = this.#note
    this.#note = { ...newNote, everyDays, nextAt, finishedAt, startedAt: this.#deps.clock.now() }
    this.#wake()
    this.#deps.onChange()
  }

  /** Ends the run that is under way; the next one begins from the front. */
  halt(): void {
    if (this.#note.startedAt === null) return
    const nextAt = this.#nextAt(this.#deps.clock.now(), this.#note.everyDays)
    this.#note = { ...this.#note, startedAt: null, nextAt }
    this.#halt?.abort()
    this.#deps.onChange()
  }

  /** A block of this file was asked for and was not what it should be. */
  suspect(path: RelativePath): void {
    // Two devices on which the same file is damaged would ask each other without end.
    if (this.#sure.has(path) || this.#suspects.size >= suspectsMax) return
    this.#suspects.add(path)
    this.#wake()
  }

  /** A power cut has surely damaged these files. Resolves to those that are remembered, also for the next start. */
  async lookAfter(paths: readonly RelativePath[]): Promise<readonly RelativePath[]> {
    await this.load()
    const taken = paths.slice(0, Math.max(unrepairedMax - this.#sure.size, 0))
    for (const path of taken) {
      this.#sure.add(path)
      this.#suspects.add(path)
    }
    this.#wake()
    return (await this.#save()) ? taken : []
  }

  damaged(): readonly RelativePath[] {
    return [...new Set([...this.#unrepaired.keys(), ...this.#sure])]
  }

  status(): ScrubStatus {
    return scrubStatus(this.#note, this.#deps.index.summary, this.problems())
  }

  /** What is damaged here, and why it still is. */
  problems(): readonly { readonly path: string; readonly reason: string }[] {
    return Array.from(this.#unrepaired, ([path, why]) => ({ path, reason: damageText(why) }))
  }

  async #loop(): Promise<void> {
    const { clock } = this.#deps
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve))
      if (clock.now() >= (this.#note.nextAt ?? Number.POSITIVE_INFINITY)) this.begin()
      await this.#look([...this.#suspects, ...this.#dueRetries()])
      if (this.#note.startedAt !== null) await this.#run()
      if (this.#suspects.size > 0 || this.#note.startedAt !== null || signal.aborted) continue
      const timer = new AbortController()
      await Promise.race([
        woken,
        clock.sleep(peersPollMs, AbortSignal.any([timer.signal, signal])).catch(() => undefined),
      ])
      timer.abort()
    }
  }

  #dueRetries(): readonly RelativePath[] {
    const now = this.#deps.clock.monotonic()
    const peers = this.#deps.peers().devices.join()
    if (this.#unrepaired.size === 0 || (now < this.#retryAt && peers === this.#retriedWith)) return []
    this.#retryAt = now + retryMs
    this.#retriedWith = peers
    return [...this.#unrepaired.keys()]
  }

  async #look(paths: readonly RelativePath[]): Promise<void> {
    for (const path of paths) {
      if (this.#stopping.signal.aborted) return
      await this.#unlessStopped(async () => {
        const [row] = await this.#deps.index.getMany([path])
        if (row) await this.#check(row)
        else this.#forget(path)
      })
      this.#suspects.delete(path)
    }
    if (paths.length > 0) await this.#save()
  }

  async #run(): Promise<void> {
    this.#halt = new AbortController()
    this.#signal = AbortSignal.any([this.#stopping.signal, this.#halt.signal])
    let savedAt = this.#deps.clock.monotonic()
    await this.#unlessStopped(async () => {
      const next = (): Promise<readonly IndexRow[]> => rowsAfter(this.#deps.index, this.#note.doneTo)
      for (let rows = await next(); rows.length > 0; rows = await next()) {
        for (const row of rows) {
          if (row.record.kind === 'file') await this.#check(row)
          this.#signal.throwIfAborted()
          this.#note = { ...this.#note, doneTo: row.record.path }
          if (this.#deps.clock.monotonic() < savedAt + saveEveryMs) continue
          savedAt = this.#deps.clock.monotonic()
          await this.#save()
        }
      }
      const finishedAt = this.#deps.clock.now()
      const nextAt = this.#nextAt(finishedAt, this.#note.everyDays)
      this.#note = { ...this.#note, startedAt: null, finishedAt, nextAt }
    })
    this.#halt = null
    this.#signal = this.#stopping.signal
    await this.#save()
    this.#deps.onChange()
  }

  async #check(row: IndexRow): Promise<void> {
    const { path } = row.record
    const isRun = this.#halt !== null
    const known = { nowMs: this.#deps.clock.now(), isKnown: this.#sure.has(path) }
    const verdict = await scrubFile({ ...this.#deps, ...known, pace: this.#pace }, row).catch((error: unknown) => {
      this.#signal.throwIfAborted()
      this.#deps.logger.warn('a file could not be read again', { path, error: errorText(error) })
      return null
    })
    const isRead = verdict !== null && verdict.outcome !== 'unknown'
    if (isRun) this.#count(isRead ? { files: 1, bytes: row.record.sizeBytes } : { skipped: 1 })
    // What is known of it goes on.
    if (verdict === null) return
    const wasKnown = this.#unrepaired.has(path)
    if (verdict.outcome === 'unknown' && row.record.kind === 'file' && (wasKnown || this.#sure.has(path))) {
      if (!wasKnown) this.#unrepaired.set(path, 'it cannot be looked at now')
      return
    }
    if (verdict.outcome !== 'damaged') {
      this.#forget(path)
      return
    }
    if (!wasKnown) this.#count({ damaged: 1 })
    // It may move while it is repaired.
    this.#sure.add(path)
    const why = await this.#repair.repair(row, verdict).catch((error: unknown) => {
      this.#signal.throwIfAborted()
      return errorText(error)
    })
    this.#deps.logger.warn('a file is damaged on this disk', {
      path,
      blocks: verdict.bad.length,
      repaired: why === '',
      why,
    })
    if (why === '') this.#count({ repaired: 1 })
    if (why === '') this.#forget(path)
    else if (this.#unrepaired.size < unrepairedMax) this.#unrepaired.set(path, why)
    // Edited, or moved as it is: the index is about to know.
    if (why === beingChanged) this.#retryAt = 0
    this.#deps.onChange()
  }

  /** It is whole, or gone. */
  #forget(path: RelativePath): void {
    this.#unrepaired.delete(path)
    this.#sure.delete(path)
  }

  #count(more: Partial<ScrubCounts>): void {
    this.#note = { ...this.#note, ...addCounts(this.#note, more) }
  }

  async #unlessStopped(work: () => Promise<void>): Promise<void> {
    const signal = this.#signal
    try {
      await work()
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async #save(): Promise<boolean> {
    this.#note = { ...this.#note, unrepaired: this.damaged().slice(0, unrepairedMax) }
    try {
      await this.#saves.run(() => this.#deps.notes.save(this.#note))
      return true
    } catch (error) {
      this.#deps.logger.warn('the progress of a scrub could not be noted', { error: errorText(error) })
      return false
    }
  }
}

export interface ScrubFolderDeps extends Omit<ScrubRepairDeps, 'signal' | 'pace'>, Pick<ScrubFileDeps, 'mayBeEdited'> {
  readonly index: FolderIndex
  readonly notes: ScrubNotes
  /** The folder has something else to do. */
  readonly isBusy: () => boolean
  readonly onChange: () => void
}
