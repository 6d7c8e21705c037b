import type { BlockHash } from '../model/block-hash.ts'
import type { DiskState } from '../model/disk-state.ts'
import type { FolderMarker } from '../model/folder-marker.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { ApplyStep, StepResult } from './apply-step.ts'
import type { BlockEncoding, PackedBytes, PackOrder, PackTrial } from './packing.ts'

export type { ApplyStep, StepResult, StepTrouble } from './apply-step.ts'

/**
 * Everything the engine asks of the disk under one folder, done off the main thread in bounded slices. `Uint8Array`s
 * that go in or come out change owner: the caller must not touch them again.
 */
export interface FileTasks {
  /** Walks what lies at and below `start` ('' is all), in path order; batches hold up to 1000 entries. */
  scan(start: RelativePath | ''): AsyncIterable<ScanBatch>
  /** Looks at single paths without walking below them; null where nothing is. */
  lstat(paths: readonly RelativePath[]): Promise<readonly LstatResult[]>
  /** Chunks and hashes files, in the order given; with `telling`, says on the way how far a large one has come. */
  hash(files: readonly HashRequest[], telling?: HashTelling): Promise<readonly HashResult[]>
  /** Reads blocks of files in the folder and checks each against its hash; `into` may be used for the result. */
  readBlocks(requests: readonly BlockRead[], into?: Uint8Array, pack?: PackOrder): Promise<BlockReads>
  /** Finds which of `hashes` a file holds when it is cut with the parameters of a file of `sizeBytes`. */
  findBlocks(file: RelativePath, sizeBytes: number, hashes: readonly BlockHash[]): Promise<readonly FoundBlock[]>

  /**
   * Checks blocks against their hashes and writes the good ones into staged files, which it creates. With `packed` the
   * blocks are in what that part of `bytes` unpacks to; of one that does not unpack to that length no block is good.
   */
  stageBlocks(blocks: readonly StagedBlock[], bytes: Uint8Array, packed?: PackedBytes | null): Promise<StagedBlocks>
  /** The same with blocks that are read from files of this folder: false where the bytes are no longer there. */
  stageLocal(blocks: readonly LocalBlock[]): Promise<readonly boolean[]>
  /**
   * Begins a staged file of a resumable name (blocks/staged-name.ts), or goes on with what an earlier try has left of it.
   * One byte for each block of the encoded `list`: 1 where the file holds it, checked by its hash. Blocks of zeros are
   * made as holes and are always 1. Only what was begun so takes blocks: `ENOENT` else. `list` stays the caller's.
   * Where nothing is staged under that name yet, what `draft` names gets it.
   */
  checkStaged(staged: string, list: Uint8Array, draft?: StagedDraft): Promise<Uint8Array>
  /**
   * The same with a file that shares its bytes with the one at `source`, in place of what was staged: for a new version
   * that is mostly the old one. Null, and nothing is changed, where the file system cannot: `stageLocal` is next best.
   */
  stageCopy(source: RelativePath, staged: string, list: Uint8Array): Promise<Uint8Array | null>
  /** What is staged, in no order. */
  listStaged(): Promise<readonly StagedEntry[]>
  discardStaged(staged: readonly string[]): Promise<void>
  /** Makes the names of what is at these paths durable, and of the folders above; resolves to false when it cannot be done. */
  syncNames(paths: readonly RelativePath[]): Promise<boolean>
  /** Gives staged files their size, mode and time and makes them durable. */
  finishStaged(files: readonly StagedFile[]): Promise<readonly StepFailure[]>
  /** Does the steps in their order; a step that cannot be done leaves its path as it was. Durable when it resolves. */
  apply(steps: readonly ApplyStep[], options: { readonly history: string }): Promise<readonly StepResult[]>
  /** Removes history that is older than `keep` (names as given to `apply` sort by time). */
  trimHistory(keep: string): Promise<void>

  /** Creates the folder and `.p2psync` where they are missing; writes the marker only when `fresh`. */
  prepareRoot(fresh: FolderMarker | null): Promise<void>
  /** The marker on disk, or null when it, or the folder, is not there or is unreadable. */
  readMarker(): Promise<FolderMarker | null>
  freeBytes(): Promise<number>
  close(): Promise<void>
}

/** A part of a walk. Entries are in path order. */
export interface ScanBatch {
  /** One for each entry. */
  readonly paths: readonly RelativePath[]
  /** All entries, made anew each time. */
  readonly entries: readonly ScanEntry[]
  /** The entry that belongs to `paths[index]`, made anew at each call. */
  entryAt(index: number): ScanEntry
  /** Whether that entry looks like the state that is encoded at `at` in `bytes` (disk-state-codec.ts): no object is made. */
  isSameAt(index: number, bytes: Uint8Array, at: number): boolean
  /** Entries that are there but are not synced, with the reason. */
  readonly problems: readonly ScanProblem[]
  /**
   * What could not be read or is not ours to sync: what is at these paths and below them is unknown, not deleted. Not those
   * of the problems where something is that is never synced: what was synced there is gone.
   */
  readonly unknown: readonly (RelativePath | '')[]
}

export interface ScanEntry {
  readonly path: RelativePath
  readonly disk: DiskState
  /** '' but for symlinks. */
  readonly linkTarget: string
}

export interface ScanProblem {
  /** As a person can read it; not always a {@link RelativePath}. */
  readonly path: string
  readonly reason: string
}

export type LstatResult = {
  readonly path: RelativePath
  /** As `EntryLook` in look-at-entry.ts says. */
  readonly outcome: 'found' | 'absent' | 'unknown' | 'unsynced' | 'taken'
  readonly disk: DiskState | null
  readonly linkTarget: string
  /** '' for `found` and `absent`. */
  readonly reason: string
}

export interface HashRequest {
  readonly path: RelativePath
  readonly disk: DiskState
  /** The encoded block list of an earlier version, cut with the same parameters: what is left of it is found faster. */
  readonly earlier?: Uint8Array
}

/** Who wants to know the blocks of a file while the rest of it is still being hashed. */
export interface HashTelling {
  /** Of smaller files nothing is told. */
  readonly sizeBytesMin: number
  /** After each so many bytes of one file; of what is left at its end nothing is told. */
  readonly partBytes: number
  /** The next blocks of a file, in its order: 36 bytes each, as in a block list. They are the receiver's. Must not throw. */
  readonly onBlocks: (path: RelativePath, blocks: Uint8Array) => void
}

export type HashResult =
  | {
      readonly outcome: 'hashed'
      readonly path: RelativePath
      /** As it was before and after: the hash is of exactly this. */
      readonly disk: DiskState
      readonly content: BlockHash
      /** The encoded block list; null when the file is a single block. */
      readonly blockList: Uint8Array | null
    }
  /** It changed while it was read: look again later. */
  | { readonly outcome: 'changed' | 'gone'; readonly path: RelativePath }
  | { readonly outcome: 'failed'; readonly path: RelativePath; readonly reason: string }

export interface BlockRead {
  readonly path: RelativePath
  readonly offset: number
  readonly length: number
  readonly hash: BlockHash
}

export interface BlockReads {
  /** The good blocks one after the other, in the order of the requests; encoded as `encoding` says. */
  readonly bytes: Uint8Array
  /** For each request whether its block is in `bytes`. */
  readonly found: readonly boolean[]
  readonly encoding: BlockEncoding
  /** The length of the good blocks before they were packed. */
  readonly rawBytes: number
  /** What was learned by packing all of them, or a sample; null when nothing was packed. */
  readonly trial: PackTrial | null
}

export interface FoundBlock {
  readonly hash: BlockHash
  readonly offset: number
  readonly length: number
}

export interface StagedBlock {
  readonly staged: string
  readonly offset: number
  readonly length: number
  readonly hash: BlockHash
  /** Where the block starts in `bytes`, or in what they unpack to. */
  readonly at: number
}

export interface StagedBlocks {
  /** For each block whether it was what it should be. */
  readonly good: readonly boolean[]
  /** The array that was given, back in the caller's hands. */
  readonly bytes: Uint8Array
}

export interface LocalBlock {
  readonly staged: string
  readonly offset: number
  readonly length: number
  readonly hash: BlockHash
  readonly source: RelativePath
  readonly sourceOffset: number
}

/** A file that was staged before its content was known. */
export interface StagedDraft {
  readonly staged: string
  /** For each block of the list: 1 where it was written there, checked, since this process began. */
  readonly held: Uint8Array
}

export interface StagedEntry {
  readonly staged: string
  readonly sizeBytes: number
  readonly inode: bigint
  /** When it was written to last, in milliseconds since 1970 by the clock of the disk. */
  readonly changedMs: number
}

export interface StagedFile {
  readonly staged: string
  readonly sizeBytes: number
  readonly mtimeNs: bigint
  readonly executable: boolean
}

export interface StepFailure {
  readonly staged: string
  readonly code: string
}
