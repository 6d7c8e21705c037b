import type { FolderIndex } from '../file-index/folder-index.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { FolderMove } from '../model/folder-move.ts'
import type { DraftMessage } from './draft-message.ts'
import type { DraftTelling } from './draft-telling.ts'
import type { ReplicaState } from './sync-messages.ts'
import type { ToldLog } from './told-log.ts'

/** What a session asks of the folder that it syncs. */
export interface SessionHost {
  readonly index: FolderIndex
  readonly deviceName: string
  /** What is under way of files that are not hashed to their end. */
  readonly drafts: SessionDrafts
  /** What peers know of our sequence log. */
  readonly told: Pick<ToldLog, 'beforeTelling' | 'mayKnow' | 'onTelling'>
  state(): ReplicaState
  /**
   * Takes in records that a peer holds, unless its session's `signal` is aborted by then; resolves when more may come, to
   * how many of them there is something to do for.
   */
  receive(peer: DeviceId, records: readonly FileRecord[], signal: AbortSignal): Promise<number>
  /** How many of these are tombstones that this folder has forgotten, or would at once: they are left out. */
  countDeclined(records: readonly FileRecord[]): Promise<number>
  /** Takes over a move that a peer has made, as a whole; false when its records have to be taken in one by one. */
  takeMove(move: FolderMove): Promise<boolean>
  /** True when nothing that this peer told waits to be taken over; without `orHeld`, nothing but what waits because something is wrong. */
  isSettledWith(peer: DeviceId, options?: { readonly orHeld: boolean }): boolean
  /** The peer knows changes of ours which this database has forgotten: it is an old one, put back. */
  onRestoredDatabase(): Promise<void>
  /** Something that `status` or `peers` shows has changed. */
  onChange(): void
}

export interface SessionDrafts {
  /** What is to be told in a session that begins. */
  telling(): DraftTelling
  /** @throws {P2psyncError} `bad-message` */
  take(peer: DeviceId, message: DraftMessage): void
  onSessionEnd(peer: DeviceId): void
}
