import type { FolderIndex } from '../file-index/folder-index.ts'
import type { DeviceId } from '../model/device-id.ts'

/**
 * What others can know of our sequence log. Who knows more has heard it from us in a life that this database has
 * forgotten: it is an old one that was put back.
 *
 * Processes that nobody was connected to are one with the next: what they have recorded nobody can know, however often
 * the node was started meanwhile.
 */
export class ToldLog {
  readonly #index: FolderIndex
  #openedAtSeq: number
  #isQuiet = false
  readonly #told = new Map<DeviceId, number>()

  constructor(index: FolderIndex) {
    this.#index = index
    this.#openedAtSeq = index.seq
  }

  /** Where the log stood when the database was opened, by the first process of which nobody was told anything. */
  get openedAtSeq(): number {
    return this.#openedAtSeq
  }

  /** To be called once, before anything is recorded or told. */
  async load(): Promise<void> {
    const notes = this.#index.forgetNotes
    const since = await notes.quietSince()
    this.#isQuiet = true
    if (since === null) await notes.setQuietSince(this.#openedAtSeq)
    else this.#openedAtSeq = Math.min(since, this.#openedAtSeq)
  }

  /** Resolves when it is written down that somebody may be told of our log. */
  async beforeTelling(): Promise<void> {
    if (!this.#isQuiet) return
    await this.#index.forgetNotes.setQuietSince(null)
    this.#isQuiet = false
  }

  /** The most that a device can know. */
  mayKnow(peer: DeviceId): number {
    return Math.max(this.#openedAtSeq, this.#told.get(peer) ?? 0)
  }

  onTelling(peer: DeviceId, seq: number): void {
    this.#told.set(peer, Math.max(seq, this.#told.get(peer) ?? 0))
  }
}
