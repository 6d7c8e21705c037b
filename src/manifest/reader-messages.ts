import type { DiskState } from '../model/disk-state.ts'
import type { PackedError } from '../workers/packed-error.ts'
import type { DescribeOptions, Description } from './describe-items.ts'
import type { TreeBatch, TreeItem, WalkOptions } from './walk-tree.ts'

/** From the main thread to a reader; answers carry the same `id`. */
export type ReaderRequest =
  | { readonly type: 'walk'; readonly id: number; readonly root: string; readonly options: WalkOptions }
  /** The walk may send one batch more. */
  | { readonly type: 'more'; readonly id: number }
  | { readonly type: 'enough'; readonly id: number }
  | {
      readonly type: 'describe'
      readonly id: number
      readonly root: string
      readonly items: PackedItems
      readonly options: DescribeOptions
    }

export type ReaderAnswer =
  | {
      readonly type: 'batch'
      readonly id: number
      readonly items: PackedItems
      readonly problems: TreeBatch['problems']
    }
  | { readonly type: 'walked'; readonly id: number }
  | { readonly type: 'described'; readonly id: number; readonly description: Description }
  | { readonly type: 'failed'; readonly id: number; readonly error: PackedError }

/** How many batches of a walk may be on their way: the reader may be busy with a large file meanwhile. */
export const batchesAhead = 8

/** Items on their way to another thread, in a buffer that is handed over: as objects they cost four times as much. */
export interface PackedItems {
  /** With a NUL, which no path has, between two. */
  readonly paths: string
  /** Kind, mode and size; mtime, ctime and inode. Six words an item. */
  readonly words: BigInt64Array<ArrayBuffer>
  readonly linkTargets: readonly (readonly [index: number, target: string])[]
  /** States with a time beyond 64 bits (after 2262). */
  readonly odd: readonly (readonly [index: number, state: DiskState])[]
}

export function packItems(items: readonly TreeItem[]): PackedItems {
  const words = new BigInt64Array(wordsEach * items.length)
  const linkTargets: [number, string][] = []
  const odd: [number, DiskState][] = []
  for (const [i, { disk, linkTarget }] of items.entries()) {
    const at = i * wordsEach
    words[at] = BigInt(kinds.indexOf(disk.kind))
    words[at + 1] = BigInt(disk.mode)
    words[at + 2] = BigInt(disk.sizeBytes)
    words[at + 3] = disk.mtimeNs
    words[at + 4] = disk.ctimeNs
    words[at + 5] = disk.inode
    if (words[at + 3] !== disk.mtimeNs || words[at + 4] !== disk.ctimeNs) odd.push([i, disk])
    if (linkTarget !== '') linkTargets.push([i, linkTarget])
  }
  return { paths: items.map((item) => item.path).join('\0'), words, linkTargets, odd }
}

export function unpackItems({ paths, words, linkTargets, odd }: PackedItems): TreeItem[] {
  if (words.length === 0) return []
  const targets = new Map(linkTargets)
  const states = new Map(odd)
  return paths.split('\0').map((path, i) => {
    return { path, disk: states.get(i) ?? stateAt(words, i * wordsEach), linkTarget: targets.get(i) ?? '' }
  })
}

const wordsEach = 6
const kinds = ['file', 'folder', 'symlink'] as const satisfies readonly DiskState['kind'][]

function stateAt(words: BigInt64Array, at: number): DiskState {
  return {
    kind: kinds[Number(words[at])]!,
    mode: Number(words[at + 1]),
    sizeBytes: Number(words[at + 2]),
    mtimeNs: words[at + 3]!,
    ctimeNs: words[at + 4]!,
    inode: BigInt.asUintN(64, words[at + 5]!),
  }
}
