import { sameDiskState } from '../../src/model/disk-state.ts'
import { isLive } from '../../src/model/file-record.ts'
import { isRelativePath } from '../../src/model/relative-path.ts'
import type { ReplicaWorld } from '../node/replica-world.ts'
import { plain, type Ledger } from './ledger.ts'
import { root } from './paths.ts'
import type { SimulatedNode } from './simulated-node.ts'

const scrubMsMax = 60 * 60_000

/** Disks that change bytes which nobody wrote, and the scrub that finds them. */
export class BitRot {
  readonly #world: ReplicaWorld
  readonly #ledger: Ledger
  readonly #rotten = new Map<SimulatedNode, Set<string>>()

  constructor(world: ReplicaWorld, ledger: Ledger) {
    this.#world = world
    this.#ledger = ledger
  }

  /**
   * Flips a bit of a file that has been at rest, that the index knows, and that another device has whole: else nobody could
   * tell, or mend it.
   */
  async rot(node: SimulatedNode, path: string, others: readonly SimulatedNode[]): Promise<void> {
    const { device } = node
    if (!device.isRunning || !isRelativePath(path)) return
    const good = device.tree().get(path)
    if (good === undefined || !this.#ledger.isWritten(good)) return
    // A kill that is due may come with this call.
    const row = await device.replica.index.get(path).catch(() => null)
    if (row === null || !isLive(row.record)) return
    const entry = device.disk.quietly(() => device.disk.lstat(`${root}/${path}`))
    if (entry?.kind !== 'file' || entry.sizeBytes === 0 || !sameDiskState(row.disk, entry)) return
    if (!others.some((other) => plain(other.device.tree().get(path) ?? '') === plain(good))) return
    device.disk.rot(`${root}/${path}`, 0)
    node.makeDatabaseDurable()
    const bad = device.tree().get(path)!
    this.#ledger.wentBad({ good, bad })
    this.#rotten.set(node, (this.#rotten.get(node) ?? new Set()).add(plain(bad)))
  }

  /** True when a damaged file is there, or below; '' is the root. */
  isAt(node: SimulatedNode, path: string): boolean {
    const rotten = this.#rotten.get(node)
    if (rotten === undefined) return false
    return Array.from(node.device.tree()).some(
      ([other, what]) => (path === '' || `${other}/`.startsWith(`${path}/`)) && rotten.has(plain(what)),
    )
  }

  /**
   * Reads all files of those devices again whose disk has damaged some; and once more, where the right bytes came to a
   * neighbour only then.
   */
  async mend(): Promise<void> {
    for (let round = 0; round <= this.#rotten.size; round++) {
      for (const node of this.#rotten.keys()) {
        if (!this.isAt(node, '')) continue
        const scrub = await node.scrub()
        await this.#world.clock.run(() => !scrub.status().running, scrubMsMax)
      }
    }
    this.#rotten.clear()
  }
}
