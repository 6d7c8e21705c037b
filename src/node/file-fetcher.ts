import { decodeBlockList, singleBlockList, type BlockList } from '../blocks/block-list.ts'
import { chunkParameters } from '../blocks/chunk-parameters.ts'
import { hashBlock } from '../blocks/hash.ts'
import { groupFetches, planFetch, type FetchBlock, type LocalSource } from '../blocks/plan-fetch.ts'
import type { FolderIndex } from '../file-index/folder-index.ts'
import type { BlockHash } from '../model/block-hash.ts'
import type { DeviceId } from '../model/device-id.ts'
import { errorText, P2psyncError } from '../model/errors.ts'
import { isSingleBlock } from '../model/file-record.ts'
import { blockListBytesMax } from '../model/limits.ts'
import type { FileTasks, LocalBlock, StagedBlock } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import type { BlockClient } from './block-client.ts'
import { listPartBytesMax, type BlockReply } from './block-messages.ts'
import { ByteBudget } from './byte-budget.ts'
import { batchesOf, bySources, bytesOf, wantsOf, type FetchFile, type FetchGroup } from './fetch-groups.ts'

export type FetchOutcome =
  | { readonly outcome: 'staged'; readonly blockList: Uint8Array | null }
  /** None of its sources has (all of) it now. */
  | { readonly outcome: 'missing'; readonly reason: string }

/** Fetched and not yet on disk, for a folder. */
const stagingBytesMax = 16 * 1024 * 1024
const lookupBatchBlocks = 2000

/** Brings the bytes of files into staging: from this disk where it has them, else from the peers that do. */
export class FileFetcher {
  readonly #deps: FileFetcherDeps
  readonly #budget = new ByteBudget(stagingBytesMax)

  constructor(deps: FileFetcherDeps) {
    this.#deps = deps
  }

  /** @throws the disk's error when staging fails, with its system code. */
  async fetch(files: readonly FetchFile[]): Promise<Map<FetchFile, FetchOutcome>> {
    const outcomes = new Map<FetchFile, FetchOutcome>()
    const lists = new Map<FetchFile, BlockList>()
    await Promise.all(
      files.map(async (file) => {
        try {
          const { list, encoded } = await this.#list(file)
          lists.set(file, list)
          outcomes.set(file, { outcome: 'staged', blockList: encoded })
        } catch (error) {
          if (!(error instanceof P2psyncError)) throw error
          outcomes.set(file, { outcome: 'missing', reason: error.message })
        }
      }),
    )
    const local = await this.#locate(lists)
    const copies: LocalBlock[] = []
    const groups: FetchGroup[] = []
    for (const [sources, members] of bySources(lists.keys())) {
      const remote: FetchBlock[] = []
      for (const file of members) {
        const plan = planFetch(lists.get(file)!, local, file.staged)
        copies.push(...plan.local)
        remote.push(...plan.remote)
      }
      for (const blocks of groupFetches(remote)) groups.push({ blocks, sources, tried: new Set() })
    }
    const byStaged = new Map(Array.from(lists.keys(), (file) => [file.staged, file]))
    const fail = (staged: string, reason: string): void => {
      const file = byStaged.get(staged)
      if (file !== undefined) outcomes.set(file, { outcome: 'missing', reason })
    }
    groups.push(...(await this.#copyLocal(copies, byStaged)))
    await this.#fetchGroups(groups, byStaged, fail)
    return outcomes
  }

  /** The list of a file's blocks: known here, or fetched in parts and checked as a whole. */
  async #list(file: FetchFile): Promise<{ list: BlockList; encoded: Uint8Array | null }> {
    const { content, sizeBytes } = file.record
    if (content === '') throw new P2psyncError('bad-message', 'a file without a content')
    if (isSingleBlock(sizeBytes)) return { list: singleBlockList(content, sizeBytes), encoded: null }
    const known = await this.#deps.index.blockList(content)
    if (known !== null) return { list: decodeBlockList(known, sizeBytes), encoded: known }
    let last: unknown = new P2psyncError('peer-gone', 'no connected device has this file')
    for (const source of file.sources) {
      try {
        const encoded = await this.#fetchList(source, content)
        return { list: decodeBlockList(encoded, sizeBytes), encoded }
      } catch (error) {
        last = error
      }
    }
    throw last
  }

  async #fetchList(source: DeviceId, content: BlockHash): Promise<Uint8Array> {
    const client = this.#deps.client(source)
    if (client === null) throw new P2psyncError('peer-gone', 'the device is no longer connected')
    const parts: Uint8Array[] = []
    for (let offset = 0; offset < blockListBytesMax;) {
      const size = { blocks: 1, bytes: listPartBytesMax }
      const reply = await client.request({ type: 'list', content, offset, length: listPartBytesMax }, size)
      if (reply.found[0] !== true) throw new P2psyncError('peer-gone', 'the device no longer has this file')
      const part = reply.frame.subarray(reply.bytesAt)
      parts.push(part)
      offset += part.length
      if (part.length < listPartBytesMax) break
    }
    const list = Buffer.concat(parts)
    if (hashBlock(list) !== content) throw new P2psyncError('bad-message', 'a block list that is not what it should be')
    return list
  }

  /** Where this folder holds blocks of these files already. */
  async #locate(lists: ReadonlyMap<FetchFile, BlockList>): Promise<Map<BlockHash, LocalSource>> {
    const located = new Map<BlockHash, LocalSource>()
    const hashes = new Set<BlockHash>()
    for (const list of lists.values()) for (let i = 0; i < list.count; i++) hashes.add(list.hashAt(i))
    const wanted = [...hashes]
    for (let at = 0; at < wanted.length; at += lookupBatchBlocks) {
      const part = wanted.slice(at, at + lookupBatchBlocks)
      const found = await this.#deps.index.findBlocks(part)
      for (const [i, hash] of part.entries()) {
        const location = found[i]
        if (location) located.set(hash, { source: location.path, sourceOffset: location.offset })
      }
    }
    for (const [file, list] of lists) await this.#locateRecut(file, list, located)
    return located
  }

  /** A local version that was cut with other parameters is cut again by those of the wanted one. */
  async #locateRecut(file: FetchFile, list: BlockList, located: Map<BlockHash, LocalSource>): Promise<void> {
    const { path, sizeBytes } = file.record
    if (file.localBytes === 0 || isSingleBlock(file.localBytes)) return
    if (chunkParameters(file.localBytes).averageBytes === chunkParameters(sizeBytes).averageBytes) return
    const missing: BlockHash[] = []
    for (let i = 0; i < list.count; i++) if (!located.has(list.hashAt(i))) missing.push(list.hashAt(i))
    for (const block of await this.#deps.tasks.findBlocks(path, sizeBytes, missing)) {
      located.set(block.hash, { source: path, sourceOffset: block.offset })
    }
  }

  /** Copies what is here; what turns out not to be, comes back as groups to fetch. */
  async #copyLocal(copies: readonly LocalBlock[], files: ReadonlyMap<string, FetchFile>): Promise<FetchGroup[]> {
    const groups: FetchGroup[] = []
    for (const batch of batchesOf(copies)) {
      const done = await this.#deps.tasks.stageLocal(batch)
      for (const [i, block] of batch.entries()) {
        if (done[i] === true) {
          this.#deps.onStaged(files.get(block.staged)!, block.length)
          continue
        }
        const { staged, offset, length, hash } = block
        const sources = files.get(staged)!.sources
        groups.push({ blocks: [{ staged, offset, length, hash, alsoAt: [] }], sources, tried: new Set() })
      }
    }
    return groups
  }

  async #fetchGroups(
    groups: readonly FetchGroup[],
    files: ReadonlyMap<string, FetchFile>,
    fail: (staged: string, reason: string) => void,
  ): Promise<void> {
    const running = new Set<Promise<void>>()
    const failures: Error[] = []
    for (const group of groups) {
      const bytes = bytesOf(group.blocks)
      await this.#budget.acquire(bytes)
      if (failures.length > 0) {
        this.#budget.release(bytes)
        break
      }
      const job = this.#fetchGroup(group, files, fail)
        .catch((error: unknown) => {
          failures.push(error instanceof Error ? error : new Error(String(error)))
        })
        .finally(() => {
          this.#budget.release(bytes)
          running.delete(job)
        })
      running.add(job)
    }
    await Promise.all(running)
    if (failures[0] !== undefined) throw failures[0]
  }

  /** One request, from one source after the other until all its blocks are staged. */
  async #fetchGroup(
    group: FetchGroup,
    files: ReadonlyMap<string, FetchFile>,
    fail: (staged: string, reason: string) => void,
  ): Promise<void> {
    let blocks = group.blocks
    let reason = 'no connected device has all of this file'
    while (blocks.length > 0) {
      const source = this.#pickSource(group)
      if (source === null) {
        for (const block of blocks) fail(block.staged, reason)
        return
      }
      group.tried.add(source.device)
      let reply: BlockReply
      try {
        const wants = wantsOf(blocks, files)
        reply = await source.client.request(
          { type: 'blocks', wants },
          { blocks: blocks.length, bytes: bytesOf(blocks) },
        )
      } catch (error) {
        reason = errorText(error)
        continue
      }
      blocks = await this.#stageReply(blocks, { reply, client: source.client }, files)
      if (blocks.length > 0) this.#deps.logger.debug('blocks missing', { from: source.device, count: blocks.length })
    }
  }

  #pickSource(group: FetchGroup): { device: DeviceId; client: BlockClient } | null {
    let best: { device: DeviceId; client: BlockClient } | null = null
    for (const device of group.sources) {
      const client = group.tried.has(device) ? null : this.#deps.client(device)
      if (client !== null && (best === null || client.bytesInFlight < best.client.bytesInFlight))
        best = { device, client }
    }
    return best
  }

  /** Returns the blocks that did not come or were not what they should be. */
  async #stageReply(
    blocks: readonly FetchBlock[],
    { reply, client }: { reply: BlockReply; client: BlockClient },
    files: ReadonlyMap<string, FetchFile>,
  ): Promise<FetchBlock[]> {
    const missing: FetchBlock[] = []
    const staged: StagedBlock[] = []
    const owners: FetchBlock[] = []
    const frameBytes = reply.frame.length
    let at = reply.bytesAt
    for (const [i, block] of blocks.entries()) {
      if (reply.found[i] !== true || at + block.length > frameBytes) {
        missing.push(block)
        continue
      }
      for (const offset of [block.offset, ...block.alsoAt]) {
        staged.push({ staged: block.staged, offset, length: block.length, hash: block.hash, at })
        owners.push(block)
      }
      at += block.length
    }
    if (staged.length === 0) return missing
    const { good, bytes } = await this.#deps.tasks.stageBlocks(staged, reply.frame)
    await client.reuse(bytes)
    const bad = new Set<FetchBlock>()
    for (const [i, owner] of owners.entries()) {
      if (good[i] === true) this.#deps.onStaged(files.get(owner.staged)!, owner.length)
      else bad.add(owner)
    }
    return [...missing, ...bad]
  }
}

export interface FileFetcherDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly logger: Logger
  /** The way to a device; null when it is not connected. */
  readonly client: (device: DeviceId) => BlockClient | null
  /** So many bytes of a file are on this disk now. */
  readonly onStaged: (file: FetchFile, bytes: number) => void
}
