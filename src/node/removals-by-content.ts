import type { BlockHash } from '../model/block-hash.ts'
import type { Need } from './need.ts'

/** The removals of files, by the content that each would take away; and how often each content is wanted elsewhere. */
export class RemovalsByContent {
  readonly #wanted = new Map<BlockHash, number>()
  readonly #untried = new Map<BlockHash, Set<Need>>()
  readonly #waiting = new Map<BlockHash, Set<Need>>()
  /** Of each content that is waited for: at how many that want it none waits any longer, or fewer. */
  readonly #enough = new Map<BlockHash, number>()

  /** How many needs want `content`. */
  wanted(content: BlockHash): number {
    return this.#wanted.get(content) ?? 0
  }

  /** Notes that one need more, or less, wants `content`; returns the removals that may wait no longer. */
  want(content: BlockHash, sign: 1 | -1): Iterable<Need> {
    const wanted = this.wanted(content) + sign
    if (wanted === 0) this.#wanted.delete(content)
    else this.#wanted.set(content, wanted)
    const enough = this.#enough.get(content)
    if (enough === undefined) return []
    if (sign === 1) {
      // It may be of those that need not be waited for.
      this.#enough.set(content, enough + 1)
      return []
    }
    if (wanted > enough) return []
    const freed = this.#waiting.get(content) ?? []
    this.#waiting.delete(content)
    this.#enough.delete(content)
    return freed
  }

  /** The removals of `content` that nobody has taken yet: a file that is to hold it can be moved. */
  untried(content: BlockHash): Iterable<Need> {
    return this.#untried.get(content) ?? []
  }

  /** Lets a removal wait until no more than `enough` needs want its content. */
  wait(removal: Need, enough: number): void {
    if (removal.replaces === '') return
    put(this.#waiting, removal)
    this.#enough.set(removal.replaces, Math.max(enough, this.#enough.get(removal.replaces) ?? 0))
  }

  /** Takes note of a need, if it is a removal. */
  add(need: Need): void {
    if (need.record.kind === 'tombstone') put(this.#untried, need)
  }

  /** Forgets a need that is taken or given up. */
  remove(need: Need): void {
    take(this.#untried, need)
    take(this.#waiting, need)
  }
}

function put(sets: Map<BlockHash, Set<Need>>, need: Need): void {
  if (need.replaces === '') return
  const set = sets.get(need.replaces)
  if (set === undefined) sets.set(need.replaces, new Set([need]))
  else set.add(need)
}

function take(sets: Map<BlockHash, Set<Need>>, need: Need): void {
  if (need.replaces === '') return
  const set = sets.get(need.replaces)
  if (set?.delete(need) === true && set.size === 0) sets.delete(need.replaces)
}
