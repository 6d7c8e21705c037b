import type { BlockHash } from '../model/block-hash.ts'
import { assert } from '../model/errors.ts'
import { packStates, unpackStates, type PackedStates } from '../model/packed-states.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { HashRequest, HashResult } from '../ports/file-tasks.ts'
import { ownBytes } from './own-bytes.ts'

/** Hash requests on their way to a file worker. */
export interface PackedHashRequests {
  /** With a NUL, which no path has, between two. */
  readonly paths: string
  readonly count: number
  readonly states: PackedStates
  readonly earlier: readonly (readonly [index: number, blockList: Uint8Array])[]
}

/** Their results on the way back: who asked knows the paths and states. */
export interface PackedHashResults {
  /** The content ids one after the other, `-` for a result that is in `others`. */
  readonly contents: string
  readonly blockLists: readonly (readonly [index: number, blockList: Uint8Array<ArrayBuffer>])[]
  readonly others: readonly (readonly [index: number, result: HashResult])[]
}

export function packHashRequests(requests: readonly HashRequest[]): PackedHashRequests {
  return {
    paths: requests.map((request) => request.path).join('\0'),
    count: requests.length,
    states: packStates(requests.map((request) => request.disk)),
    earlier: requests.flatMap(({ earlier }, i) => (earlier === undefined ? [] : [[i, earlier] as const])),
  }
}

export function unpackHashRequests({ paths, count, states, earlier }: PackedHashRequests): HashRequest[] {
  const names = paths.split('\0') as RelativePath[]
  const lists = new Map(earlier)
  return unpackStates(states, count).map((disk, i) => {
    const list = lists.get(i)
    return list === undefined ? { path: names[i]!, disk } : { path: names[i]!, disk, earlier: list }
  })
}

/** `results` are those of `requests`, in their order. */
export function packHashResults(requests: readonly HashRequest[], results: readonly HashResult[]): PackedHashResults {
  const contents: string[] = []
  const blockLists: [number, Uint8Array<ArrayBuffer>][] = []
  const others: [number, HashResult][] = []
  for (const [i, result] of results.entries()) {
    if (result.outcome !== 'hashed' || result.disk !== requests[i]!.disk) {
      contents.push('-')
      others.push([i, result])
      continue
    }
    contents.push(result.content)
    if (result.blockList !== null) blockLists.push([i, ownBytes(result.blockList)])
  }
  return { contents: contents.join('\0'), blockLists, others }
}

/** `requests` are those that were asked. */
export function unpackHashResults(
  requests: readonly HashRequest[],
  { contents, blockLists, others }: PackedHashResults,
): HashResult[] {
  const lists = new Map(blockLists)
  const oddOnes = new Map(others)
  const ids = contents.split('\0')
  return requests.map(({ path, disk }, i) => {
    const odd = oddOnes.get(i)
    if (odd !== undefined) return odd
    const content = ids[i]
    assert(content !== undefined && content !== '' && content !== '-', 'each request has its result')
    return { outcome: 'hashed', path, disk, content: content as BlockHash, blockList: lists.get(i) ?? null }
  })
}
