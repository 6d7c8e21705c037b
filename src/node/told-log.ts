import type { FolderIndex } from '../file-index/folder-index.ts'
import type { DeviceId } from '../model/device-id.ts'

/**
 * What others can know of our sequence log. Who knows more has heard it from us in a life that this database has
 * forgotten: it is an old one that was put back.
 */
export class ToldLog {
  /** Where the log stood when the database was opened. */
  readonly openedAtSeq: number
  readonly #told = new Map<DeviceId, number>()

  constructor(index: FolderIndex) {
    this.openedAtSeq = index.seq
  }

  /** The most that a device can know. */
  mayKnow(peer: DeviceId): number {
    return Math.max(this.openedAtSeq, this.#told.get(peer) ?? 0)
  }

  onTelling(peer: DeviceId, seq: number): void {
    this.#told.set(peer, Math.max(seq, this.#told.get(peer) ?? 0))
  }
}
