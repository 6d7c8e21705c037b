import type { DeviceId } from '../model/device-id.ts'

/** What a queue must know of a file whose blocks wait in it. The set is read each time: devices come and go. */
export interface FetchTarget {
  readonly sources: ReadonlySet<DeviceId>
}

/** Blocks of one file that nobody has been asked for, or whose answer did not help. */
export interface FetchRun<Target extends FetchTarget, Block> {
  readonly target: Target
  readonly blocks: readonly Block[]
  /** Who was asked for all of these already. */
  readonly tried: ReadonlySet<DeviceId>
}

export interface PortionLimit {
  /** A block that is larger than this is a portion of its own. */
  readonly bytes: number
  readonly blocks: number
}

/**
 * The blocks that peers have to send, in the order in which they should come, and who may be asked for which.
 *
 * A peer is given the first of those that only it has, while there are any, then the first of those that it has: so a rare
 * file does not wait for the one device that has it while that device sends what others have too. Nothing is bound to a
 * peer before it has room for it: a fast peer does what a slow one does not come to. Pure.
 */
export class FetchQueue<Target extends FetchTarget, Block extends { readonly length: number }> {
  #waiting: Waiting<Target, Block>[] = []

  /** Whether there is something that `peer` may be asked for. */
  hasFor(peer: DeviceId): boolean {
    return this.#waiting.some((run) => mayAsk(run, peer))
  }

  add(target: Target, blocks: readonly Block[]): void {
    if (blocks.length > 0) this.#waiting.push({ target, blocks, tried: nobody, from: 0 })
  }

  /** Puts back what a peer was asked for in vain, before all that waits. */
  giveBack(runs: readonly FetchRun<Target, Block>[]): void {
    this.#waiting.unshift(...runs.map((run) => ({ ...run, from: 0 })))
  }

  /**
   * The next portion for `peer`, as runs of files; empty when it has nothing of what waits.
   *
   * @param others the other peers that could be asked now.
   */
  take(peer: DeviceId, others: readonly DeviceId[], limit: PortionLimit): FetchRun<Target, Block>[] {
    const rare = others.length > 0 ? this.takeRare(peer, others, limit) : []
    return rare.length > 0 ? rare : this.#takeThose((run) => mayAsk(run, peer), limit)
  }

  /** As {@link take}, of what none of `others` can be asked for. */
  takeRare(peer: DeviceId, others: readonly DeviceId[], limit: PortionLimit): FetchRun<Target, Block>[] {
    return this.#takeThose((run) => mayAsk(run, peer) && !others.some((other) => mayAsk(run, other)), limit)
  }

  /** Takes out all that none of `peers` can be asked for. */
  takeOrphans(peers: readonly DeviceId[]): FetchRun<Target, Block>[] {
    const orphans = this.#waiting.filter((run) => !peers.some((peer) => mayAsk(run, peer)))
    if (orphans.length === 0) return []
    const gone = new Set(orphans)
    this.#waiting = this.#waiting.filter((run) => !gone.has(run))
    return orphans.map((run) => ({ ...run, blocks: run.blocks.slice(run.from) }))
  }

  /** Takes out all blocks of these files. */
  drop(targets: ReadonlySet<Target>): void {
    this.#waiting = this.#waiting.filter((run) => !targets.has(run.target))
  }

  #takeThose(
    isWanted: (run: Waiting<Target, Block>) => boolean,
    { bytes: bytesMax, blocks: blocksMax }: PortionLimit,
  ): FetchRun<Target, Block>[] {
    const taken: FetchRun<Target, Block>[] = []
    const emptied = new Set<Waiting<Target, Block>>()
    let bytes = 0
    let count = 0
    for (const run of this.#waiting) {
      if (!isWanted(run)) continue
      let end = run.from
      while (end < run.blocks.length && count < blocksMax) {
        const { length } = run.blocks[end]!
        if (count > 0 && bytes + length > bytesMax) break
        bytes += length
        count++
        end++
      }
      if (end === run.from) break
      taken.push({ target: run.target, blocks: run.blocks.slice(run.from, end), tried: run.tried })
      run.from = end
      if (end < run.blocks.length) break
      emptied.add(run)
    }
    if (emptied.size > 0) this.#waiting = this.#waiting.filter((run) => !emptied.has(run))
    return taken
  }
}

/** A run of which the blocks before `from` have been given out. */
interface Waiting<Target extends FetchTarget, Block> extends FetchRun<Target, Block> {
  from: number
}

function mayAsk(run: FetchRun<FetchTarget, unknown>, peer: DeviceId): boolean {
  return run.target.sources.has(peer) && !run.tried.has(peer)
}

const nobody: ReadonlySet<DeviceId> = new Set()
