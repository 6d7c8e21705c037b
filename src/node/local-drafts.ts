import { entryBytes } from '../blocks/block-list.ts'
import type { FolderIndex, IndexRow } from '../file-index/folder-index.ts'
import { blockHashBytes, blockHashFromBytes, type BlockHash } from '../model/block-hash.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { HashRequest, HashTelling } from '../ports/file-tasks.ts'
import type { Random } from '../ports/random.ts'

/** A smaller file is hashed before a peer could have asked for its first blocks. */
const draftBytesMin = 16 * 1024 * 1024
/** Files of which peers are told while they are hashed; of others they are told when that is done. */
const draftsMax = 4
/** Of one file. What comes behind is told with the record. */
export const draftBlocksMax = 256 * 1024

/** A file that is being hashed, or is hashed and not yet committed. */
export interface LocalDraft {
  readonly id: BlockHash
  readonly path: RelativePath
  readonly sizeBytes: number
  /** Its blocks so far, in order, 36 bytes each. */
  readonly parts: readonly Uint8Array[]
  /** The record is committed, or there will be none. */
  readonly isOver: boolean
}

/**
 * The large files of this folder that are being hashed: their first blocks can travel before the last ones are known.
 * Nothing of it is written down, and nothing is claimed by it.
 */
export class LocalDrafts {
  readonly #index: LocalDraftsDeps['index']
  readonly #random: Random
  readonly #onChange: () => void
  readonly #bytesMin: number
  readonly #drafts = new Map<RelativePath, GrowingDraft>()

  constructor(deps: LocalDraftsDeps) {
    this.#index = deps.index
    this.#random = deps.random
    this.#onChange = deps.onChange
    this.#bytesMin = deps.draftBytesMin ?? draftBytesMin
  }

  get current(): Iterable<LocalDraft> {
    return this.#drafts.values()
  }

  /** What is to be told while these files are hashed; undefined when none of them is large and new. */
  async telling(files: readonly HashRequest[]): Promise<HashTelling | undefined> {
    const large = files.filter(({ disk }) => disk.sizeBytes >= this.#bytesMin)
    if (large.length === 0) return undefined
    const rows = await this.#index.getMany(large.map(({ path }) => path))
    const news = large.filter(({ disk }, i) => !isEdit(rows[i] ?? null, disk.sizeBytes))
    if (news.length === 0) return undefined
    const sizes = new Map(news.map(({ path, disk }) => [path, disk.sizeBytes]))
    const begun = new Map<RelativePath, GrowingDraft | null>()
    const onBlocks = (path: RelativePath, blocks: Uint8Array): void => {
      const sizeBytes = sizes.get(path)
      // An edit that is hashed along.
      if (sizeBytes === undefined) return
      if (!begun.has(path)) begun.set(path, this.#begin(path, sizeBytes))
      const draft = begun.get(path) ?? null
      if (draft === null || draft.isOver || draft.count === draftBlocksMax) return
      const taken = blocks.subarray(0, (draftBlocksMax - draft.count) * entryBytes)
      draft.parts.push(taken)
      draft.count += taken.length / entryBytes
      this.#onChange()
    }
    return { sizeBytesMin: this.#bytesMin, partBytes: this.#bytesMin / 4, onBlocks }
  }

  /** What was hashed of these files is committed, or never will be. */
  settle(files: Iterable<{ readonly path: RelativePath }>): void {
    if (this.#drafts.size === 0) return
    for (const { path } of files) this.#end(path)
  }

  /** Nothing of what was hashed will be committed any more. */
  settleAll(): void {
    this.settle(Array.from(this.#drafts.values()))
  }

  /** Where the blocks of a draft can be read, or null when nothing is drafted under that id now. */
  pathOf(id: BlockHash): RelativePath | null {
    for (const draft of this.#drafts.values()) if (draft.id === id) return draft.path
    return null
  }

  #begin(path: RelativePath, sizeBytes: number): GrowingDraft | null {
    this.#end(path)
    if (this.#drafts.size >= draftsMax) return null
    const id = blockHashFromBytes(this.#random.bytes(blockHashBytes))
    const draft: GrowingDraft = { id, path, sizeBytes, parts: [], count: 0, isOver: false }
    this.#drafts.set(path, draft)
    return draft
  }

  #end(path: RelativePath): void {
    const draft = this.#drafts.get(path)
    if (draft === undefined) return
    draft.isOver = true
    this.#drafts.delete(path)
    this.#onChange()
  }
}

export interface LocalDraftsDeps {
  readonly index: Pick<FolderIndex, 'getMany'>
  readonly random: Random
  /** There is something to tell. */
  readonly onChange: () => void
  readonly draftBytesMin?: number | undefined
}

/** Peers have most of its blocks: to tell them all of its hashes twice would cost more than is won. */
function isEdit(row: IndexRow | null, sizeBytes: number): boolean {
  return row !== null && row.record.kind === 'file' && row.record.sizeBytes * 2 >= sizeBytes
}

interface GrowingDraft extends LocalDraft {
  readonly parts: Uint8Array[]
  count: number
  isOver: boolean
}
