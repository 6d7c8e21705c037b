import type { BlockHash } from './block-hash.ts'
import { singleBlockBytesMax } from './limits.ts'
import type { RelativePath } from './relative-path.ts'
import type { VersionVector } from './version-vector.ts'
import type { WriterId } from './writer-id.ts'

export type EntryKind = 'file' | 'folder' | 'symlink' | 'tombstone'

/**
 * What one path holds, as a device tells it to others.
 *
 * Fields that a kind does not use have their zero: `sizeBytes`, `content` and `executable` belong to files, `linkTarget`
 * to symlinks, `mtimeNs` to files, symlinks and tombstones (when it was deleted).
 */
export interface FileRecord {
  readonly path: RelativePath
  readonly kind: EntryKind
  readonly sizeBytes: number
  /** Nanoseconds since 1970, as the disk of the writing device had it. */
  readonly mtimeNs: bigint
  readonly executable: boolean
  readonly linkTarget: string
  /** Files: the hash of the bytes if they fit one block ({@link isSingleBlock}), else of the block list; '' otherwise. */
  readonly content: BlockHash | ''
  readonly version: VersionVector
  /** Who changed it last, and that device's name then: a conflicted copy is named after it, alike on every device. */
  readonly writer: WriterId
  readonly writerName: string
  /** What the writer had before this change; '' when there was nothing. */
  readonly basis: Fingerprint
}

/** The identity of what a path holds, without its metadata: equal fingerprints, equal bytes. '' is nothing. */
export type Fingerprint = string & { readonly __brand: 'Fingerprint' }

export const noFingerprint = '' as Fingerprint

export function fingerprint(record: FileRecord): Fingerprint {
  switch (record.kind) {
    case 'file':
      return `${isSingleBlock(record.sizeBytes) ? 'f' : 'l'}${record.content}` as Fingerprint
    case 'folder':
      return 'd' as Fingerprint
    case 'symlink':
      return `s${record.linkTarget}` as Fingerprint
    case 'tombstone':
      return noFingerprint
  }
}

/** True when a file of this size is one block, whose hash is the file's content id. */
export function isSingleBlock(sizeBytes: number): boolean {
  return sizeBytes <= singleBlockBytesMax
}

export function isLive(record: FileRecord): boolean {
  return record.kind !== 'tombstone'
}
