import type { FetchBlock } from '../blocks/plan-fetch.ts'
import type { BlockLocation } from '../file-index/block-lists.ts'
import type { FolderIndex } from '../file-index/folder-index.ts'
import { AssertionError } from '../model/errors.ts'
import type { BlockHash } from '../model/block-hash.ts'
import { privateFolderName } from '../model/relative-path.ts'
import type { BlockReads, FileTasks } from '../ports/file-tasks.ts'
import { appendTo } from './append-to.ts'
import { batchesOf, type FetchFile } from './fetch-groups.ts'
import { SerialQueue } from './serial-queue.ts'
import { stageReply } from './stage-reply.ts'

/** What another folder of this node, one that is synced now, is asked for. It may close at any time: calls then fail. */
export interface OtherFolder {
  readonly index: Pick<FolderIndex, 'findBlocks'>
  readonly tasks: Pick<FileTasks, 'readBlocks'>
}

/** Asked at each use, for folders come and go. */
export type OtherFolders = () => readonly OtherFolder[]

/** Blocks of files, without those that are staged. */
export type WantedBlocks = ReadonlyMap<FetchFile, readonly FetchBlock[]>

const lookupBatchBlocks = 2000
const readBytesMax = 1024 * 1024

/**
 * Stages blocks that other folders of this node hold. What they say that they hold is a hint: the bytes are checked where
 * they are read, and once more where they are staged. So it makes no difference whether such a folder changes or closes
 * meanwhile: what is not there after all is wanted as before.
 */
export class BlocksElsewhere {
  readonly #deps: BlocksElsewhereDeps
  /** Two reads at a time, whatever the number of jobs. */
  readonly #lanes = [new SerialQueue(), new SerialQueue()]

  constructor(deps: BlocksElsewhereDeps) {
    this.#deps = deps
  }

  /**
   * Has `fetch` bring those of `wanted` that no other folder holds, and stages all others meanwhile; `fetch` is called once
   * more with what of these turned out not to be there.
   *
   * @throws what `fetch` throws, and what the disk throws while blocks are staged; nothing is staged here any more by then.
   */
  async take(wanted: WantedBlocks, fetch: (wanted: WantedBlocks) => Promise<void>): Promise<void> {
    const { otherFolders, signal } = this.#deps
    if (wanted.size === 0 || otherFolders === undefined || otherFolders().length === 0) return fetch(wanted)
    const { found, rest } = await split(wanted, otherFolders)
    const failed = new AbortController()
    const isOver = (): boolean => signal.aborted || failed.signal.aborted
    const staging = this.#stage(found, isOver)
    try {
      await Promise.all([fetch(rest), staging.then(fetch)])
    } catch (error) {
      failed.abort()
      await staging.catch(() => undefined)
      throw error
    }
  }

  /** Returns what is not staged. */
  async #stage(found: ReadonlyMap<OtherFolder, readonly PlacedBlock[]>, isOver: () => boolean): Promise<WantedBlocks> {
    const missing = new Map<FetchFile, FetchBlock[]>()
    const batches = readBatches(found)
    const stageNext = async (lane: SerialQueue): Promise<void> => {
      let spare: Uint8Array | undefined
      for (const { folder, placed } of batches) {
        await lane.run(async () => {
          const reads = isOver() ? null : await readPlaced(folder, placed, spare)
          const { left, bytes } = reads === null ? { left: placed, bytes: undefined } : await this.#write(placed, reads)
          spare = bytes
          for (const { file, block } of left) appendTo(missing, file, block)
        })
      }
    }
    // Whoever clears away after a failure must not do it beside the other.
    for (const result of await Promise.allSettled(this.#lanes.map(stageNext))) {
      if (result.status === 'rejected') throw result.reason
    }
    return missing
  }

  async #write(placed: readonly PlacedBlock[], { found, bytes }: BlockReads): Promise<Written> {
    const { tasks, onStaged } = this.#deps
    const reply = { found, frame: bytes, bytesAt: 0, bytesEnd: bytes.length, packed: null }
    let back: Uint8Array | undefined
    const client = {
      reuse: async (frame: Uint8Array): Promise<void> => {
        back = frame
      },
    }
    const blocks = placed.map(({ block }) => block)
    const { missing, wrong } = await stageReply(blocks, { reply, client, tasks })
    const left: PlacedBlock[] = []
    for (const each of placed) {
      const { file, block } = each
      if (missing.has(block) || wrong.has(block)) left.push(each)
      else onStaged(file, block.length * (1 + block.alsoAt.length))
    }
    return { left, bytes: back }
  }
}

/** Which of `hashes` other folders say that they hold, and where; the first folder that has a block counts. */
export async function findElsewhere(
  hashes: readonly BlockHash[],
  otherFolders: OtherFolders | undefined,
): Promise<Map<BlockHash, BlockElsewhere>> {
  const places = new Map<BlockHash, BlockElsewhere>()
  let wanted = hashes
  for (const folder of otherFolders?.() ?? []) {
    for (let at = 0; at < wanted.length; at += lookupBatchBlocks) {
      const part = wanted.slice(at, at + lookupBatchBlocks)
      const found = await unlessClosed(() => folder.index.findBlocks(part))
      if (found === null) break
      for (const [i, hash] of part.entries()) {
        const location = found[i]
        // What that folder's user has removed is not to come back in this one.
        if (location && !location.path.startsWith(`${privateFolderName}/`)) places.set(hash, { ...location, folder })
      }
    }
    wanted = wanted.filter((hash) => !places.has(hash))
    if (wanted.length === 0) break
  }
  return places
}

export interface BlockElsewhere extends BlockLocation {
  readonly folder: OtherFolder
}

export interface BlocksElsewhereDeps {
  readonly tasks: FileTasks
  readonly signal: AbortSignal
  /** Not given where there is only one folder. */
  readonly otherFolders?: OtherFolders
  /** So many bytes of a file are on this disk now. */
  readonly onStaged: (file: FetchFile, bytes: number) => void
}

interface PlacedBlock {
  readonly file: FetchFile
  readonly block: FetchBlock
  readonly place: BlockElsewhere
  readonly length: number
}

interface Written {
  readonly left: readonly PlacedBlock[]
  /** To be used for the next read. */
  readonly bytes: Uint8Array | undefined
}

async function split(
  wanted: WantedBlocks,
  otherFolders: OtherFolders,
): Promise<{ found: Map<OtherFolder, PlacedBlock[]>; rest: WantedBlocks }> {
  const hashes = new Set<BlockHash>()
  for (const blocks of wanted.values()) for (const { hash } of blocks) hashes.add(hash)
  const places = await findElsewhere([...hashes], otherFolders)
  if (places.size === 0) return { found: new Map(), rest: wanted }
  const found = new Map<OtherFolder, PlacedBlock[]>()
  const rest = new Map<FetchFile, FetchBlock[]>()
  for (const [file, blocks] of wanted) {
    for (const block of blocks) {
      const place = places.get(block.hash)
      const { length } = block
      if (place?.length === length) appendTo(found, place.folder, { file, block, place, length })
      else appendTo(rest, file, block)
    }
  }
  return { found, rest }
}

function* readBatches(
  found: ReadonlyMap<OtherFolder, readonly PlacedBlock[]>,
): Generator<{ folder: OtherFolder; placed: readonly PlacedBlock[] }> {
  for (const [folder, blocks] of found) {
    for (const placed of batchesOf(blocks, readBytesMax)) yield { folder, placed }
  }
}

/** Null when the folder cannot be asked any more. */
function readPlaced(
  folder: OtherFolder,
  placed: readonly PlacedBlock[],
  into: Uint8Array | undefined,
): Promise<BlockReads | null> {
  const reads = placed.map(({ block: { length, hash }, place }) => ({
    path: place.path,
    offset: place.offset,
    length,
    hash,
  }))
  return unlessClosed(() => folder.tasks.readBlocks(reads, into))
}

/** The trouble of another folder is told there; here it is as if that folder held nothing. */
async function unlessClosed<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof AssertionError) throw error
    return null
  }
}
