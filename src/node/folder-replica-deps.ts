import type { FolderIndex } from '../file-index/folder-index.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { FolderId } from '../model/folder-id.ts'
import type { FolderMarker } from '../model/folder-marker.ts'
import type { FolderOrder } from '../model/folder-order.ts'
import type { RescanIntervalMs } from '../model/rescan-interval.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { FolderWatcher } from '../ports/folder-watcher.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import type { Throttle } from '../ports/throttle.ts'
import type { Transport } from '../ports/transport.ts'
import type { BootNotes } from './boot-notes.ts'
import type { DamageNotes } from './known-damage.ts'
import type { GuardOptions } from './folder-guard.ts'
import type { OtherFolders } from './blocks-elsewhere.ts'
import type { ToldLosses } from './told-losses.ts'

/** What one synced folder is made of. */
export interface FolderReplicaDeps {
  readonly folder: FolderId
  /** Absolute. */
  readonly path: string
  readonly marker: FolderMarker
  readonly deviceName: string
  readonly index: FolderIndex
  readonly tasks: FileTasks
  /** What else of this device may hold blocks that are wanted here; by default nothing. */
  readonly otherFolders?: OtherFolders
  readonly newWatcher: () => FolderWatcher
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** The size from which on peers are told of files while they are hashed; another one than usual only in tests. */
  readonly draftBytesMin?: number
  /** From so many entries on a removed folder is told as one thing; another number than usual only in tests. */
  readonly removedRowsMin?: number
  /** By default the usual limits, and what is held is not remembered. */
  readonly guard?: GuardOptions
  /** By default nothing of what devices tell, and waits or was rejected, is remembered. */
  readonly toldLosses?: ToldLosses
  /** By default no boot is told from another: what is gone was deleted. */
  readonly bootNotes?: BootNotes
  /** By default what is damaged is not remembered over a restart. */
  readonly damageNotes?: DamageNotes
  readonly rescanIntervalMs: RescanIntervalMs
  /** What blocks that go to and come from a device ask for leave; the same object each time for one device. */
  readonly throttles: (peer: DeviceId) => PeerThrottles
  readonly order: FolderOrder
  /** Something that `status` shows has changed. Must not block. */
  readonly onChange: () => void
  /** A bug, or a database that fails: the folder cannot go on. */
  readonly onFatal: (what: string, error: unknown) => void
}

export interface PeerThrottles {
  readonly up: Throttle
  readonly down: Throttle
}
