import type { DiskState } from '../model/disk-state.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { FolderMove } from '../model/folder-move.ts'

/** A record that is now true of this disk. */
export interface RowChange {
  readonly record: FileRecord
  readonly disk: DiskState | null
  /** The encoded block list of a file of more than one block, unless the index has it already. */
  readonly blockList?: Uint8Array | null
  /** Where below `.p2psync/history` the version is that this one takes the place of. */
  readonly kept?: string
}

export interface CommitOptions {
  readonly durable?: boolean
  readonly clearIntents?: readonly string[]
  readonly move?: FolderMove
}
