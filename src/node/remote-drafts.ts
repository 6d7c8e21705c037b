import { encodeBlockList, type BlockList } from '../blocks/block-list.ts'
import type { FetchBlock } from '../blocks/plan-fetch.ts'
import { draftNameFor } from '../blocks/staged-name.ts'
import { isZeroBlock } from '../blocks/zero-blocks.ts'
import type { FolderIndex } from '../file-index/folder-index.ts'
import type { BlockHash } from '../model/block-hash.ts'
import type { DeviceId } from '../model/device-id.ts'
import { errorText, P2psyncError } from '../model/errors.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { StagedDraft } from '../ports/file-tasks.ts'
import { findElsewhere, type OtherFolders } from './blocks-elsewhere.ts'
import { DraftBlocks, type DraftBlock } from './draft-blocks.ts'
import type { DraftMessage } from './draft-message.ts'
import type { FetchFile } from './fetch-groups.ts'
import { draftBlocksMax } from './local-drafts.ts'
import type { Needs } from './needs.ts'
import { PeerFetches, type PeerFetchesDeps } from './peer-fetches.ts'

/** Drafts of peers that are fetched at once, and that are kept for when their device comes back. */
const draftsMax = 4
/** Of one draft: asked for, or in line for that. */
const aheadBytesMax = 64 * 1024 * 1024
const blocksPerLookup = 256
/** What is on its way when the record comes is waited for so long. */
const arrivalMsMax = 2000
/** A disk that could not hold a draft is not asked to for so long. */
const troublePauseMs = 60_000

/**
 * Fetches the first blocks of files that peers are still hashing. They are staged under a name of their path; when the
 * record comes, its job takes the staged file over (`finish`). Nothing else follows from a draft: it makes no record, and a
 * lie in one costs room in staging, until it is over.
 */
export class RemoteDrafts {
  /** Asked only for what no record needs. */
  readonly fetches: PeerFetches
  readonly #deps: RemoteDraftsDeps
  readonly #drafts = new Map<RelativePath, RemoteDraft>()
  /** The names of what devices that went have left half done. */
  #leftBehind: string[] = []
  /** What is being ended or discarded. */
  #ending: Promise<void> = Promise.resolve()
  #pausedUntil = 0

  constructor(deps: RemoteDraftsDeps) {
    this.#deps = deps
    this.fetches = new PeerFetches({ ...deps, onStaged: () => undefined })
  }

  /** A peer tells a part, or the end, of a draft. @throws {P2psyncError} `bad-message` when it does not fit the parts before. */
  take(peer: DeviceId, message: DraftMessage): void {
    const draft = this.#drafts.get(message.path)
    if (draft?.id !== message.id) {
      if (message.isOver || message.first > 0 || (draft !== undefined && draft.peer !== peer)) return
      if (draft !== undefined) this.#drop(draft)
      this.#begin(peer, message)
    } else if (draft.peer === peer) {
      if (message.isOver) draft.isOver = true
      else draft.add(message)
    }
    this.#dropUseless()
  }

  /** Whoever tells drafts anew begins at their start. What was fetched stays, for the record or until there is more of it. */
  onSessionEnd(peer: DeviceId): void {
    for (const draft of Array.from(this.#drafts.values())) {
      if (draft.peer !== peer) continue
      this.#drafts.delete(draft.path)
      this.#leftBehind.push(draft.staged)
      this.#afterwards(() => this.#halt(draft))
    }
    const tooMany = this.#leftBehind.splice(0, Math.max(this.#leftBehind.length - draftsMax, 0))
    const isUsed = (staged: string): boolean => Array.from(this.#drafts.values()).some((it) => it.staged === staged)
    this.#discard(tooMany.filter((staged) => !isUsed(staged)))
  }

  /**
   * The content of `path` is known, and its blocks are `list`. Ends its draft, lets what is on its way arrive, and returns
   * what there may be to go on with, for `checkStaged`.
   */
  async finish(path: RelativePath, list: BlockList): Promise<StagedDraft> {
    const draft = this.#drafts.get(path)
    if (draft === undefined) return { staged: draftNameFor(path), held: new Uint8Array(list.count) }
    this.#drafts.delete(path)
    await this.#halt(draft)
    return { staged: draft.staged, held: draft.blocks.heldOf(list) }
  }

  /** Ends all drafts; resolves when nothing of them is written any more. What is staged stays. */
  async stop(): Promise<void> {
    const drafts = Array.from(this.#drafts.values())
    this.#drafts.clear()
    await Promise.all(drafts.map((draft) => this.#halt(draft)))
    await this.#ending
  }

  #begin(peer: DeviceId, message: DraftMessage): void {
    const { needs, isPaused, clock } = this.#deps
    this.#dropUseless()
    if (this.#drafts.size >= draftsMax || isPaused() || clock.monotonic() < this.#pausedUntil) return
    if (needs().at(message.path).length > 0) return
    const draft = new RemoteDraft(peer, message)
    draft.add(message)
    this.#drafts.set(draft.path, draft)
    draft.work = this.#work(draft).catch((error: unknown) => this.#onFailed(error))
  }

  async #work(draft: RemoteDraft): Promise<void> {
    if (!(await this.#makeRoom(draft))) return
    this.#deps.logger.debug('draft', { path: draft.path, from: draft.peer, bytes: draft.file.record.sizeBytes })
    while (!draft.isHalted) {
      const blocks = draft.aheadBytes < aheadBytesMax ? draft.blocks.take(blocksPerLookup) : []
      if (blocks.length === 0) await draft.changed()
      else await this.#fetch(draft, blocks)
    }
  }

  /** False when it is not to be fetched: there is no room, or what an earlier one has left waits for the record. */
  async #makeRoom(draft: RemoteDraft): Promise<boolean> {
    const { tasks } = this.#deps
    await this.#ending
    const isStaged = (await tasks.listStaged()).some((entry) => entry.staged === draft.staged)
    let bytes = 0
    for (const other of this.#drafts.values()) bytes += other.file.record.sizeBytes
    if (isStaged || bytes > (await tasks.freeBytes()) / 2 || draft.isHalted) return false
    await tasks.checkStaged(draft.staged, encodeBlockList([]))
    return true
  }

  /** Asks for those that no folder of this node holds yet. */
  async #fetch(draft: RemoteDraft, blocks: readonly DraftBlock[]): Promise<void> {
    const { index: folderIndex, otherFolders } = this.#deps
    const hashes = blocks.map((block) => block.hash)
    const located = await folderIndex.findBlocks(hashes)
    const elsewhere = await findElsewhere(
      hashes.filter((_, i) => !located[i]),
      otherFolders,
    )
    if (draft.isHalted) return
    const wanted = new Map<BlockHash, FetchBlock & { readonly alsoAt: number[] }>()
    const indexes: number[] = []
    let bytes = 0
    for (const [i, { index, offset, length, hash }] of blocks.entries()) {
      if (located[i] || elsewhere.has(hash) || isZeroBlock({ hash, length }, draft.file.record.sizeBytes)) continue
      const earlier = wanted.get(hash)
      // What was asked for in an earlier part the job of the record will find missing, and ask for once.
      if (earlier === undefined && draft.asked.has(hash)) continue
      if (earlier?.length === length) earlier.alsoAt.push(offset)
      else if (earlier === undefined) {
        wanted.set(hash, { staged: draft.staged, offset, length, hash, alsoAt: [] })
        bytes += length
      } else continue
      indexes.push(index)
    }
    for (const hash of wanted.keys()) draft.asked.add(hash)
    draft.aheadBytes += bytes
    this.fetches
      .fetch(new Map([[draft.file, [...wanted.values()]]]))
      .then((missing) => {
        draft.aheadBytes -= bytes
        if (missing.size === 0) draft.blocks.hold(indexes)
        draft.wake()
      })
      .catch((error: unknown) => this.#onFailed(error))
  }

  /** Nothing more is asked for or written, and what was asked for has arrived, if it came soon. */
  async #halt(draft: RemoteDraft): Promise<void> {
    draft.isHalted = true
    draft.wake()
    await draft.work
    const { clock, signal } = this.#deps
    const waiting = new AbortController()
    const late = clock.sleep(arrivalMsMax, AbortSignal.any([waiting.signal, signal])).catch(() => undefined)
    await Promise.race([this.fetches.withdraw(draft.file), late])
    waiting.abort()
    await this.fetches.cancel(new Set([draft.file]))
  }

  /** Those that are over, and for whose path no record waits. */
  #dropUseless(): void {
    const needs = this.#deps.needs()
    for (const draft of Array.from(this.#drafts.values())) {
      if (draft.isOver && needs.at(draft.path).length === 0) this.#drop(draft)
    }
  }

  #drop(draft: RemoteDraft): void {
    this.#drafts.delete(draft.path)
    this.#afterwards(() => this.#halt(draft))
    this.#discard([draft.staged])
  }

  /** The disk failed: a draft is not worth another try. */
  #onFailed(error: unknown): void {
    if (this.#deps.signal.aborted) return
    this.#deps.logger.warn('drafts given up', { error: errorText(error) })
    this.#pausedUntil = this.#deps.clock.monotonic() + troublePauseMs
    for (const draft of Array.from(this.#drafts.values())) this.#drop(draft)
  }

  #discard(staged: readonly string[]): void {
    if (staged.length > 0) this.#afterwards(() => this.#deps.tasks.discardStaged(staged))
  }

  /** One after the other, before another draft begins. */
  #afterwards(act: () => Promise<void>): void {
    this.#ending = this.#ending.then(act).catch((error: unknown) => {
      this.#deps.logger.debug('a draft was not cleared away', { error: errorText(error) })
    })
  }
}

class RemoteDraft {
  readonly peer: DeviceId
  readonly id: BlockHash
  readonly path: RelativePath
  readonly staged: string
  readonly file: FetchFile
  readonly blocks = new DraftBlocks()
  readonly asked = new Set<BlockHash>()
  aheadBytes = 0
  isOver = false
  isHalted = false
  work: Promise<void> = Promise.resolve()
  #wake: (() => void) | null = null

  constructor(peer: DeviceId, { id, path, sizeBytes }: DraftMessage) {
    this.peer = peer
    this.id = id
    this.path = path
    this.staged = draftNameFor(path)
    this.file = {
      record: { path, sizeBytes, content: id },
      sources: new Set([peer]),
      staged: this.staged,
      local: null,
    }
  }

  /** @throws {P2psyncError} `bad-message` when the part does not follow, or makes the file larger than it is. */
  add({ first, blocks }: DraftMessage): void {
    if (first !== this.blocks.count) throw new P2psyncError('bad-message', 'a draft with a part missing')
    this.blocks.add(blocks)
    const { count, sizeBytes } = this.blocks
    if (count > draftBlocksMax || sizeBytes > this.file.record.sizeBytes) {
      throw new P2psyncError('bad-message', 'a draft that is larger than its file')
    }
    this.wake()
  }

  /** Resolves with the next {@link wake}. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  wake(): void {
    this.#wake?.()
    this.#wake = null
  }
}

export interface RemoteDraftsDeps extends Omit<PeerFetchesDeps, 'onStaged' | 'after'> {
  readonly index: FolderIndex
  /** The records that wait to be taken over. */
  readonly needs: () => Pick<Needs, 'at'>
  readonly isPaused: () => boolean
  readonly otherFolders?: OtherFolders
}
