import { decodeBlockList, listBytesMax, type BlockList } from '../blocks/block-list.ts'
import { chunkParameters } from '../blocks/chunk-parameters.ts'
import { planFetch, type FetchBlock, type FetchPlan, type LocalSource } from '../blocks/plan-fetch.ts'
import { isResumableName } from '../blocks/staged-name.ts'
import type { FolderIndex } from '../file-index/folder-index.ts'
import type { BlockHash } from '../model/block-hash.ts'
import type { DeviceId } from '../model/device-id.ts'
import { P2psyncError } from '../model/errors.ts'
import { isSingleBlock } from '../model/file-record.ts'
import type { LocalBlock } from '../ports/file-tasks.ts'
import { appendTo } from './append-to.ts'
import { BlocksElsewhere, type OtherFolders, type WantedBlocks } from './blocks-elsewhere.ts'
import { batchesOf, type FetchFile } from './fetch-groups.ts'
import { fetchList } from './fetch-list.ts'
import { firstAnswer } from './first-answer.ts'
import { PeerFetches, type PeerFetchesDeps } from './peer-fetches.ts'
import type { RemoteDrafts } from './remote-drafts.ts'

export type FetchOutcome =
  | { readonly outcome: 'staged'; readonly blockList: Uint8Array | null }
  /** None of its sources has (all of) it now. */
  | { readonly outcome: 'missing'; readonly reason: string }

const lookupBatchBlocks = 2000
const localBatchBytes = 8 * 1024 * 1024
/** A device that has not answered a question for a block list by then is asked no longer alone. */
const listPatienceMs = 2000

/** Brings the bytes of files into staging: from this folder or another one of this node, else from the peers that do. */
export class FileFetcher {
  readonly #deps: FileFetcherDeps
  readonly #fetches: PeerFetches
  readonly #elsewhere: BlocksElsewhere

  constructor(deps: FileFetcherDeps) {
    this.#deps = deps
    this.#elsewhere = new BlocksElsewhere(deps)
    this.#fetches = new PeerFetches({ ...deps, after: deps.drafts.fetches })
  }

  /** A peer has come. */
  wake(): void {
    this.#fetches.wake()
  }

  /** A peer has gone, or no longer has what is being fetched. */
  sourceGone(): void {
    this.#fetches.sourceGone()
  }

  /** @throws the disk's error when staging fails, with its system code. */
  async fetch(files: readonly FetchFile[]): Promise<Map<FetchFile, FetchOutcome>> {
    const outcomes = new Map<FetchFile, FetchOutcome>()
    const whole: WholeFile[] = []
    const inBlocks: FetchFile[] = []
    for (const file of files) {
      const { content, sizeBytes } = file.record
      if (content === '') outcomes.set(file, { outcome: 'missing', reason: 'it is a file without a content' })
      else if (isSingleBlock(sizeBytes)) whole.push({ file, hash: content })
      else inBlocks.push(file)
    }
    const lists = await this.#lists(inBlocks, outcomes)
    const local = await this.#locate(whole, lists)
    const copies: LocalBlock[] = []
    const remote = new Map<FetchFile, readonly FetchBlock[]>()
    for (const { file, hash } of whole) {
      outcomes.set(file, { outcome: 'staged', blockList: null })
      const { staged, record } = file
      const block = { staged, offset: 0, length: record.sizeBytes, hash }
      const source = local.get(hash)
      if (block.length === 0) continue
      if (source === undefined) remote.set(file, [{ ...block, alsoAt: nowhere }])
      else copies.push({ ...block, ...source })
    }
    await Promise.all(
      Array.from(lists, async ([file, { list, encoded }]) => {
        const plan = await this.#plan(file, list, encoded, local)
        for (const copy of plan.local) copies.push(copy)
        if (plan.haveBytes > 0) this.#deps.onStaged(file, plan.haveBytes)
        if (plan.remote.length > 0) remote.set(file, plan.remote)
      }),
    )
    let hasFailed = false
    const fetchAll = async (wanted: WantedBlocks): Promise<void> => {
      if (hasFailed) return
      const missing = await this.#fetches.fetch(wanted)
      for (const [file, reason] of missing) outcomes.set(file, { outcome: 'missing', reason })
    }
    const takeAll = (wanted: WantedBlocks): Promise<void> => this.#elsewhere.take(wanted, fetchAll)
    const all = [takeAll(remote), this.#copyLocal(copies, files).then(takeAll)]
    try {
      await Promise.all(all)
    } catch (error) {
      hasFailed = true
      await this.#fetches.cancel(new Set(files))
      // Whoever clears away after this must not do it beside them.
      await Promise.allSettled(all)
      throw error
    }
    return outcomes
  }

  /** The lists of those files that they can be had of; why not, of the others, becomes their outcome. */
  async #lists(
    files: readonly FetchFile[],
    outcomes: Map<FetchFile, FetchOutcome>,
  ): Promise<Map<FetchFile, KnownList>> {
    const lists = new Map<FetchFile, KnownList>()
    await Promise.all(
      files.map(async (file) => {
        try {
          const known = await this.#list(file)
          lists.set(file, known)
          outcomes.set(file, { outcome: 'staged', blockList: known.encoded })
        } catch (error) {
          if (!(error instanceof P2psyncError)) throw error
          outcomes.set(file, { outcome: 'missing', reason: error.message })
        }
      }),
    )
    return lists
  }

  /** What is staged of it already counts, and a file system that can share bytes gives most of what stands here. */
  async #plan(
    file: FetchFile,
    list: BlockList,
    encoded: Uint8Array,
    local: ReadonlyMap<BlockHash, LocalSource>,
  ): Promise<FetchPlan> {
    const { tasks } = this.#deps
    if (!isResumableName(file.staged)) return planFetch(list, local, file.staged)
    const draft = await this.#deps.drafts.finish(file.record.path, list)
    const plan = planFetch(list, local, file.staged, await tasks.checkStaged(file.staged, encoded, draft))
    if (plan.copyFrom === null) return plan
    const have = await tasks.stageCopy(plan.copyFrom, file.staged, encoded)
    return have === null ? plan : planFetch(list, local, file.staged, have)
  }

  /** The list of a file's blocks: known here, or fetched in parts and checked as a whole. */
  async #list(file: FetchFile): Promise<KnownList> {
    const { sizeBytes } = file.record
    const content = file.record.content as BlockHash
    const known = await this.#deps.index.blockList(content)
    if (known !== null) return { list: decodeBlockList(known, sizeBytes), encoded: known }
    const basis = file.local === null ? null : await this.#deps.index.blockList(file.local.content)
    const encoded = await firstAnswer(file.sources, {
      ask: (source) => this.#fetchList(source, { content, sizeBytes }, basis),
      patienceMs: listPatienceMs,
      clock: this.#deps.clock,
    })
    return { list: decodeBlockList(encoded, sizeBytes), encoded }
  }

  async #fetchList(
    source: DeviceId,
    { content, sizeBytes }: { readonly content: BlockHash; readonly sizeBytes: number },
    basis: Uint8Array | null,
  ): Promise<Uint8Array> {
    const client = this.#deps.peers().client(source)
    if (client === null) throw new P2psyncError('peer-gone', 'the device is no longer connected')
    return fetchList(client, content, basis, listBytesMax(sizeBytes))
  }

  /** Where this folder holds blocks of these files already. */
  async #locate(
    whole: readonly WholeFile[],
    lists: ReadonlyMap<FetchFile, KnownList>,
  ): Promise<Map<BlockHash, LocalSource>> {
    const located = new Map<BlockHash, LocalSource>()
    const hashes = new Set<BlockHash>()
    for (const { hash } of whole) hashes.add(hash)
    for (const { list } of lists.values()) for (let i = 0; i < list.count; i++) hashes.add(list.hashAt(i))
    for (const file of lists.keys()) await this.#locateInLocal(file, hashes, located)
    const wanted = [...hashes].filter((hash) => !located.has(hash))
    for (let at = 0; at < wanted.length; at += lookupBatchBlocks) {
      const part = wanted.slice(at, at + lookupBatchBlocks)
      const found = await this.#deps.index.findBlocks(part)
      for (const [i, hash] of part.entries()) {
        const location = found[i]
        if (location) located.set(hash, { source: location.path, sourceOffset: location.offset })
      }
    }
    for (const [file, { list }] of lists) await this.#locateRecut(file, list, located)
    return located
  }

  /** The version here, whose list we have at hand, mostly holds nearly all: asking the index for each takes far longer. */
  async #locateInLocal(
    { record, local }: FetchFile,
    wanted: ReadonlySet<BlockHash>,
    located: Map<BlockHash, LocalSource>,
  ): Promise<void> {
    if (local === null || isSingleBlock(local.sizeBytes)) return
    const encoded = await this.#deps.index.blockList(local.content)
    if (encoded === null) return
    const list = decodeBlockList(encoded, local.sizeBytes)
    for (let i = 0; i < list.count; i++) {
      const hash = list.hashAt(i)
      if (wanted.has(hash)) located.set(hash, { source: record.path, sourceOffset: list.offsetAt(i) })
    }
  }

  /** A local version that was cut with other parameters is cut again by those of the wanted one. */
  async #locateRecut(file: FetchFile, list: BlockList, located: Map<BlockHash, LocalSource>): Promise<void> {
    const { path, sizeBytes } = file.record
    if (file.local === null || isSingleBlock(file.local.sizeBytes)) return
    if (chunkParameters(file.local.sizeBytes).averageBytes === chunkParameters(sizeBytes).averageBytes) return
    const missing: BlockHash[] = []
    for (let i = 0; i < list.count; i++) if (!located.has(list.hashAt(i))) missing.push(list.hashAt(i))
    for (const block of await this.#deps.tasks.findBlocks(path, sizeBytes, missing)) {
      located.set(block.hash, { source: path, sourceOffset: block.offset })
    }
  }

  /** Copies what is here; returns what turns out not to be. */
  async #copyLocal(copies: readonly LocalBlock[], files: readonly FetchFile[]): Promise<WantedBlocks> {
    const missing = new Map<FetchFile, FetchBlock[]>()
    if (copies.length === 0) return missing
    const byStaged = new Map(files.map((file) => [file.staged, file]))
    const batches = batchesOf(copies, localBatchBytes)
    const copyNext = async (): Promise<void> => {
      for (const batch of batches) {
        const done = await this.#deps.tasks.stageLocal(batch)
        for (const [i, { staged, offset, length, hash }] of batch.entries()) {
          const file = byStaged.get(staged)!
          if (done[i] === true) this.#deps.onStaged(file, length)
          else appendTo(missing, file, { staged, offset, length, hash, alsoAt: nowhere })
        }
      }
    }
    // One for each thread that can. Whoever clears away after a failure must not do it beside the other.
    for (const result of await Promise.allSettled([copyNext(), copyNext()])) {
      if (result.status === 'rejected') throw result.reason
    }
    return missing
  }
}

/** A file of one block, or of none: its content is the hash of its bytes. */
interface WholeFile {
  readonly file: FetchFile
  readonly hash: BlockHash
}

interface KnownList {
  readonly list: BlockList
  readonly encoded: Uint8Array
}

const nowhere: readonly number[] = []

export interface FileFetcherDeps extends PeerFetchesDeps {
  readonly index: FolderIndex
  readonly drafts: RemoteDrafts
  readonly otherFolders?: OtherFolders
}
