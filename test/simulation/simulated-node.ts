import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import type { StoreEntry } from '../../src/ports/key-value-store.ts'
import type { ReplicaWorld } from '../node/replica-world.ts'
import type { WorldDevice } from '../node/world-device.ts'
import { OrderedStore } from '../twins/ordered-store.ts'
import { NodeFaults } from './node-faults.ts'
import type { Trace } from './trace.ts'

/** A device of a simulated world, and what goes wrong with it. */
export class SimulatedNode {
  readonly device: WorldDevice
  readonly faults: NodeFaults
  /** A copy of its database, as a backup has it. */
  #copy: StoreEntry[] | null = null
  readonly #stores: OrderedStore[]
  readonly #trace: Trace | null

  private constructor(device: WorldDevice, parts: { faults: NodeFaults; stores: OrderedStore[]; trace: Trace | null }) {
    this.device = device
    this.faults = parts.faults
    this.#stores = parts.stores
    this.#trace = parts.trace
  }

  static async add(world: ReplicaWorld, name: string, trace: Trace | null): Promise<SimulatedNode> {
    const stores: OrderedStore[] = []
    const turning = { turn: () => world.clock.turn(), now: () => world.clock.view().monotonic() }
    const device = await world.add(name, {
      // Small enough for the folders that are removed here.
      removedRowsMin: 1,
      newStore: () => {
        stores.push(new OrderedStore())
        return stores.at(-1)!
      },
      newTasks: (deps) => new DiskFileTasks(deps, turning),
    })
    // The folder was there before, and its marker is of long ago: no power cut takes them.
    device.disk.quietly(() => device.disk.syncFileSystem('/'))
    const faults = new NodeFaults(device, { store: stores.at(-1)!, random: world.random })
    const node = new SimulatedNode(device, { faults, stores, trace })
    node.#arm()
    return node
  }

  /** Starts it unless it runs. Nothing goes wrong while it starts. */
  async start(): Promise<void> {
    if (this.device.isRunning) return
    if (this.device.isDead) await this.device.stop()
    await this.device.start()
    this.#arm()
  }

  async stop(): Promise<void> {
    this.faults.clear()
    this.#stores.at(-1)!.onCall = undefined
    await this.device.stop()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async loseDatabase(): Promise<void> {
    await this.stop()
    this.device.loseDatabase()
    await this.start()
  }

  /** As a backup finds it: of a node that runs, or of one that was stopped. */
  async copyDatabase(): Promise<void> {
    this.#copy = await this.device.copyDatabase()
  }

  async putDatabaseBack(): Promise<void> {
    await this.stop()
    if (this.#copy !== null) await this.device.putDatabaseBack(this.#copy)
    await this.start()
  }

  #arm(): void {
    const trace = this.#trace
    const onCall = (what: string): void => trace?.add(`${this.device.name} ${what}`)
    this.faults.arm(this.#stores.at(-1)!, trace === null ? undefined : onCall)
  }
}
