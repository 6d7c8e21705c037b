import { sameDiskState } from '../../src/model/disk-state.ts'
import { isLive } from '../../src/model/file-record.ts'
import { isRelativePath, type RelativePath } from '../../src/model/relative-path.ts'
import type { ReplicaWorld, WorldDevice } from '../node/replica-world.ts'
import { plain, type Ledger } from './ledger.ts'
import { root } from './paths.ts'
import type { SimulatedNode } from './simulated-node.ts'

const lookAgainMsMax = 300_000
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
   * tell, or mend it. What is as new as to be looked at again is as good as an edit.
   */
  async rot(node: SimulatedNode, path: string, nodes: readonly SimulatedNode[]): Promise<void> {
    const { device } = node
    if (!device.isRunning || !isRelativePath(path) || !(await this.#isLookedAgain(node, path))) return
    const good = device.tree().get(path)
    if (good === undefined || !this.#ledger.isWritten(good)) return
    // A kill that is due may come with this call.
    const row = await device.replica.index.get(path).catch(() => null)
    // It may have changed while its look was waited for.
    if (row === null || !isLive(row.record) || node.notedSeq < row.seq) return
    const state = device.fileState(path)
    if (state === null || state.sizeBytes === 0 || !sameDiskState(row.disk, state)) return
    const others = nodes.filter((other) => other !== node)
    if (!others.some((other) => plain(other.device.tree().get(path) ?? '') === plain(good))) return
    device.disk.rot(`${root}/${path}`, 0)
    node.makeDatabaseDurable()
    const bad = device.tree().get(path)!
    this.#ledger.wentBad({ good, bad })
    this.#rotten.set(node, (this.#rotten.get(node) ?? new Set()).add(plain(bad)))
  }

  /** Waits until it is, and until that is noted. */
  async #isLookedAgain(node: SimulatedNode, path: RelativePath): Promise<boolean> {
    const { device } = node
    const row = await device.replica.index.get(path).catch(() => null)
    if (row === null) return false
    const { looks } = device.replica
    const isDone = (): boolean => !looks.isDue(path) && node.notedSeq >= row.seq
    return (await this.#world.clock.run(() => !device.isRunning || isDone(), lookAgainMsMax)) && device.isRunning
  }

  /**
   * A damaged file that was renamed in the last minute before is looked at like one that was written then; one that a kill has
   * left at another name, before that was noted, is found as a new one.
   */
  async started({ device }: SimulatedNode): Promise<void> {
    for (const [path, what] of device.tree()) {
      if (!isRelativePath(path) || !this.#ledger.isDamaged(what)) continue
      const row = await device.replica.index.get(path)
      if (row === null || device.replica.looks.isDue(path)) this.#ledger.becameAnEdit(what)
    }
  }

  /** True when a damaged file is there, or below; '' is the root. */
  isAt(node: SimulatedNode, path: string): boolean {
    const rotten = this.#rotten.get(node)
    if (rotten === undefined) return false
    return Array.from(node.device.tree()).some(
      ([other, what]) => (path === '' || `${other}/`.startsWith(`${path}/`)) && rotten.has(plain(what)),
    )
  }

  /** True when no disk has the right bytes of this damaged file any more. */
  isGone(device: WorldDevice, path: string): boolean {
    const good = this.#ledger.wholeOf(device.tree().get(path) ?? '')
    if (good === null) return false
    return this.#world.devices.every((other) => Array.from(other.tree().values()).every((what) => plain(what) !== good))
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
