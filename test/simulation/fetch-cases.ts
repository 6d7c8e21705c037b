import { hashBlock } from '../../src/blocks/hash.ts'
import { planFetch, type FetchPlan, type LocalSource } from '../../src/blocks/plan-fetch.ts'
import { zeroHash, type BlockSequence } from '../../src/blocks/zero-blocks.ts'
import type { BlockHash } from '../../src/model/block-hash.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { SeededRandom } from '../twins/seeded-random.ts'

/**
 * A random list of blocks, of which some are staged and some stand in other files, and the plan to have all of them. Null,
 * or what does not hold: after it every place holds its block, each from where it may come, and none is asked for twice.
 */
export function fetchProblem(seed: number): string | null {
  const random = new SeededRandom(seed)
  const below = (end: number): number => Math.floor(random.fraction() * end)
  const blocks = Array.from({ length: below(13) }, () => kinds[below(kinds.length)]!)
  const list = listOf(blocks)
  const local = new Map<BlockHash, LocalSource>()
  for (const { hash } of kinds) {
    if (below(3) !== 0) continue
    const at = below(list.count + 1)
    const sourceOffset = below(2) === 0 ? list.offsetAt(at) : below(20) * MiB
    local.set(hash, { source: sources[below(2)]!, sourceOffset })
  }
  const isEmpty = below(3) === 0
  const have = Uint8Array.from(blocks, () => (isEmpty || below(3) > 0 ? 0 : 1))
  const plan = planFetch(list, local, 'staged', have)
  return placesProblem(plan, { blocks, list, local, have }) ?? copyProblem(plan, { blocks, list, have })
}

interface Block {
  readonly hash: BlockHash
  readonly length: number
}

interface Case {
  readonly blocks: readonly Block[]
  readonly list: BlockSequence
  readonly local: ReadonlyMap<BlockHash, LocalSource>
  readonly have: Uint8Array
}

const MiB = 1024 * 1024
const sources = ['one', 'two'].map((text) => parseRelativePath(text))
const shared = hashBlock(Uint8Array.of(9))
/** Two of one hash: a list may lie. One of zeros, in the length that a run of them is cut into. */
const kinds: readonly Block[] = [
  ...[1, 2, 3].map((i) => ({ hash: hashBlock(Uint8Array.of(i)), length: i * MiB })),
  { hash: shared, length: MiB },
  { hash: shared, length: 2 * MiB },
  { hash: zeroHash(MiB), length: MiB },
]

function listOf(blocks: readonly Block[]): BlockSequence {
  const offsets = [0]
  for (const { length } of blocks) offsets.push(offsets.at(-1)! + length)
  return {
    count: blocks.length,
    hashAt: (i) => blocks[i]!.hash,
    lengthAt: (i) => blocks[i]!.length,
    offsetAt: (i) => offsets[i]!,
  }
}

function placesProblem(plan: FetchPlan, { blocks, list, local, have }: Case): string | null {
  const filled = new Map<number, string>()
  const fill = (offset: number, { hash, length }: Block, from: string): boolean => {
    if (filled.has(offset)) return false
    filled.set(offset, `${hash} ${length} ${from}`)
    return true
  }
  for (const block of plan.local) {
    const { source, sourceOffset } = local.get(block.hash) ?? {}
    if (source !== block.source || sourceOffset !== block.sourceOffset) return 'a copy is not from where the block is'
    if (!fill(block.offset, block, 'local')) return 'a block is copied to a place that has one'
  }
  const asked = new Set<string>()
  for (const block of plan.remote) {
    if (asked.has(`${block.hash} ${block.length}`) && block.hash !== shared) return 'a block is asked for twice'
    asked.add(`${block.hash} ${block.length}`)
    for (const offset of [block.offset, ...block.alsoAt])
      if (!fill(offset, block, 'remote')) return 'a block is fetched to a place that has one'
    if (block.alsoAt.some((offset, i) => offset <= (block.alsoAt[i - 1] ?? block.offset))) return 'places do not ascend'
  }
  let haveBytes = 0
  for (const [i, { hash, length }] of blocks.entries()) {
    const from = local.has(hash) ? 'local' : 'remote'
    if (have[i] === 1) haveBytes += length
    const expected = have[i] === 1 ? undefined : `${hash} ${length} ${from}`
    if (filled.get(list.offsetAt(i)) !== expected)
      return `block ${i} is ${filled.get(list.offsetAt(i))}, not ${expected}`
  }
  if (filled.size !== blocks.length - have.filter((flag) => flag === 1).length) return 'blocks go where none is'
  return haveBytes === plan.haveBytes ? null : 'what is staged is counted wrong'
}

/** A copy of a file throws away what is staged: nothing that had to be fetched. */
function copyProblem(plan: FetchPlan, { blocks, list, have }: Omit<Case, 'local'>): string | null {
  const { copyFrom } = plan
  if (copyFrom === null) return null
  const inPlace = plan.local.filter(
    ({ source, sourceOffset, offset }) => source === copyFrom && sourceOffset === offset,
  )
  const copiedBytes = inPlace.reduce((sum, { length }) => sum + length, 0)
  const missingBytes = list.offsetAt(list.count) - plan.haveBytes
  if (copiedBytes * 2 <= missingBytes) return 'a file is copied that has less than half'
  const isThrownAway = blocks.some(({ hash, length }, i) => have[i] === 1 && hash !== zeroHash(length))
  return isThrownAway ? 'a copy throws away what was staged' : null
}
