import type { BlockHash } from '../model/block-hash.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { LocalBlock } from '../ports/file-tasks.ts'
import { zeroBlocks, type BlockSequence } from './zero-blocks.ts'

/** Where a file of this folder holds a block. */
export interface LocalSource {
  readonly source: RelativePath
  readonly sourceOffset: number
}

/** A block that a peer has to send, once, whatever number of places it goes to. */
export interface FetchBlock {
  readonly staged: string
  readonly offset: number
  readonly length: number
  readonly hash: BlockHash
  /** Further offsets of the same file that hold the same block, ascending. */
  readonly alsoAt: readonly number[]
}

export interface FetchPlan {
  /** In the order of the file. */
  readonly local: readonly LocalBlock[]
  /** In the order of their first place in the file. */
  readonly remote: readonly FetchBlock[]
  /** How many bytes the staged file holds already. */
  readonly haveBytes: number
  /** The file here whose copy holds most of what is missing, at the same places; null when a copy does not pay. */
  readonly copyFrom: RelativePath | null
}

/**
 * Splits the blocks of a file into those that are staged already (`have[i]` is 1), those that files of this folder hold and
 * those that a peer has to send.
 */
export function planFetch(
  list: BlockSequence,
  local: ReadonlyMap<BlockHash, LocalSource>,
  staged: string,
  have: Uint8Array = new Uint8Array(list.count),
): FetchPlan {
  const copies: LocalBlock[] = []
  const remote: FetchBlock[] = []
  let haveBytes = 0
  const fetches = new Map<BlockHash, { readonly length: number; readonly alsoAt: number[] }>()
  for (let i = 0; i < list.count; i++) {
    const block = { staged, offset: list.offsetAt(i), length: list.lengthAt(i), hash: list.hashAt(i) }
    if (have[i] === 1) {
      haveBytes += block.length
      continue
    }
    const source = local.get(block.hash)
    const earlier = fetches.get(block.hash)
    if (source !== undefined) {
      copies.push({ ...block, source: source.source, sourceOffset: source.sourceOffset })
    } else if (earlier?.length === block.length) {
      earlier.alsoAt.push(block.offset)
    } else {
      // One hash with two lengths is a lie of the list: fetched on its own, it fails its check.
      const fetch = { ...block, alsoAt: [] }
      fetches.set(block.hash, fetch)
      remote.push(fetch)
    }
  }
  return { local: copies, remote, haveBytes, copyFrom: copySource(list, copies, have) }
}

/**
 * A copy takes the place of what is staged: it pays where that is nothing that had to be fetched, and most of what is
 * missing stands at the same place in one file.
 */
function copySource(list: BlockSequence, copies: readonly LocalBlock[], have: Uint8Array): RelativePath | null {
  const bytesOf = new Map<RelativePath, number>()
  for (const { source, sourceOffset, offset, length } of copies) {
    if (sourceOffset === offset) bytesOf.set(source, (bytesOf.get(source) ?? 0) + length)
  }
  const [best] = [...bytesOf].sort((a, b) => b[1] - a[1])
  if (best === undefined || best[1] < copyBytesMin) return null
  const isZero = zeroBlocks(list)
  let missingBytes = 0
  for (let i = 0; i < list.count; i++) {
    if (have[i] !== 1) missingBytes += list.lengthAt(i)
    else if (isZero[i] === 0) return null
  }
  return best[1] * 2 > missingBytes ? best[0] : null
}

// Below, copying blocks takes less than asking once more.
const copyBytesMin = 4 * 1024 * 1024
