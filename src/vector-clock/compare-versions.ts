import { assert } from '../model/errors.ts'
import { counterMax, versionEntriesMax } from '../model/limits.ts'
import type { VersionVector } from '../model/version-vector.ts'
import type { WriterId } from '../model/writer-id.ts'

/** `before`: everything that the first knows, the second knows too, and more. */
export type VersionOrder = 'equal' | 'before' | 'after' | 'concurrent'

/**
 * How `a` stands to `b` in the partial order of version vectors (Parker et al. 1983, Detection of Mutual Inconsistency in
 * Distributed Systems). Linear in the number of writers.
 */
export function compareVersions(a: VersionVector, b: VersionVector): VersionOrder {
  let aKnowsMore = false
  let bKnowsMore = false
  for (const [, inA, inB] of pairEntries(a, b)) {
    if (inA > inB) aKnowsMore = true
    if (inB > inA) bKnowsMore = true
    if (aKnowsMore && bKnowsMore) return 'concurrent'
  }
  if (aKnowsMore) return 'after'
  return bKnowsMore ? 'before' : 'equal'
}

/**
 * The least version that knows what `a` and `b` know, but for the lowest counters where that were more writers than a record
 * can name: those are of lives that ended long ago. In whichever order versions are joined, the same ones are left out.
 */
export function joinVersions(a: VersionVector, b: VersionVector): VersionVector {
  const joined = Array.from(pairEntries(a, b), ([writer, inA, inB]) => [writer, Math.max(inA, inB)] as const)
  return highest(joined, versionEntriesMax)
}

function highest(version: VersionVector, count: number): VersionVector {
  if (version.length <= count) return version
  const sorted = version.toSorted(([a, inA], [b, inB]) => inB - inA || byText(a, b))
  return sorted.slice(0, count).sort(([a], [b]) => byText(a, b))
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

/** `version` with one more change by `writer`, which it names in any case. `counter` must be larger than the writer's old one. */
export function advanceVersion(version: VersionVector, writer: WriterId, counter: number): VersionVector {
  assert(Number.isSafeInteger(counter) && counter > 0 && counter <= counterMax, 'a counter is between 1 and 2^48 - 1')
  // As most are: new on this device.
  if (version.length === 0) return [[writer, counter]]
  const old = version.find(([other]) => other === writer)?.[1] ?? 0
  assert(counter > old, 'a counter only rises')
  const others = version.filter(([other]) => other !== writer)
  return joinVersions(highest(others, versionEntriesMax - 1), [[writer, counter]])
}

// Merges two lists that are ordered by writer; a writer that a side lacks counts 0 there.
function* pairEntries(a: VersionVector, b: VersionVector): Generator<[writer: WriterId, inA: number, inB: number]> {
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const inA = a[i]
    const inB = b[j]
    if (inB === undefined || (inA !== undefined && inA[0] < inB[0])) {
      yield [inA![0], inA![1], 0]
      i++
    } else if (inA === undefined || inB[0] < inA[0]) {
      yield [inB[0], 0, inB[1]]
      j++
    } else {
      yield [inA[0], inA[1], inB[1]]
      i++
      j++
    }
  }
}
