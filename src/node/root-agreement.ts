import type { FolderIndex } from '../file-index/folder-index.ts'
import { differingPaths } from '../merkle/diff-trees.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { RemoteTree } from './remote-tree.ts'
import type { SessionHost } from './session-host.ts'
import { questionPathsMax } from './tree-messages.ts'

const ackEveryMs = 60_000

/** Whether our tree and a peer's say the same: equal roots, or roots that differ by tombstones alone that we have forgotten. */
export class RootAgreement {
  readonly #peer: DeviceId
  readonly #index: FolderIndex
  /** The pair of roots between which a walk has found nothing but what we leave out. */
  #leftOut = ''
  #ackedSeq = -1
  #ackedAt = Number.NEGATIVE_INFINITY

  constructor(peer: DeviceId, index: FolderIndex) {
    this.#peer = peer
    this.#index = index
  }

  /** `theirs`: the peer's root. */
  holds(theirs: Uint8Array): boolean {
    return this.#isSame(theirs) || this.#pair(theirs) === this.#leftOut
  }

  onWalked(theirs: Uint8Array, walk: WalkResult): void {
    this.#leftOut = walk.isLeftOut ? this.#pair(theirs) : ''
  }

  /**
   * Both sides are at rest and agree: notes from time to time that the peer holds all that we do. Resolves to in how many
   * milliseconds it is to be called again.
   */
  async acknowledge(theirs: Uint8Array, nowMs: number): Promise<number> {
    const { seq } = this.#index
    if (seq === this.#ackedSeq || !this.#isSame(theirs)) return Infinity
    const dueMs = this.#ackedAt + ackEveryMs - nowMs
    if (dueMs > 0) return dueMs
    this.#ackedSeq = seq
    this.#ackedAt = nowMs
    await this.#index.forgetNotes.setAck(this.#peer, seq)
    return Infinity
  }

  #isSame(theirs: Uint8Array): boolean {
    return Buffer.compare(theirs, this.#index.summary.hash) === 0
  }

  #pair(theirs: Uint8Array): string {
    return Buffer.concat([theirs, this.#index.summary.hash]).toString('hex')
  }
}

export interface WalkResult {
  /** Records for which there is something to do. */
  readonly found: number
  /** Something differs, and all of it is what we leave out. */
  readonly isLeftOut: boolean
}

/** Takes in every record of a peer that differs from ours. */
export async function walkPeer(deps: {
  readonly peer: DeviceId
  readonly host: SessionHost
  readonly tree: RemoteTree
  readonly signal: AbortSignal
}): Promise<WalkResult> {
  const { peer, host, tree, signal } = deps
  let [found, differing, declined] = [0, 0, 0]
  for await (const paths of differingPaths(host.index.localTree(), tree)) {
    differing += paths.length
    for (let at = 0; at < paths.length; at += questionPathsMax) {
      const records = await tree.records(paths.slice(at, at + questionPathsMax))
      declined += await host.countDeclined(records)
      found += await host.receive(peer, records, signal)
    }
  }
  return { found, isLeftOut: differing > 0 && declined === differing }
}
