import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import type { StoreEntry } from '../../src/ports/key-value-store.ts'
import type { ReplicaWorld } from '../node/replica-world.ts'
import type { ScrubFolder } from '../../src/node/scrub-folder.ts'
import type { ScrubNote } from '../../src/node/scrub-notes.ts'
import { scrubReplica } from '../../src/node/scrub-replica.ts'
import { FairLimiter } from '../../src/transfer/fair-limiter.ts'
import type { WorldDevice } from '../node/world-device.ts'
import { MemoryBootNotes } from '../twins/memory-boot-notes.ts'
import { MemoryNote } from '../twins/memory-note.ts'
import { OrderedStore } from '../twins/ordered-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { NodeFaults } from './node-faults.ts'
import type { LateSaves } from './late-saves.ts'
import { root } from './paths.ts'
import type { Trace } from './trace.ts'

const scrubAheadMs = 3 * 365 * 24 * 60 * 60_000
const noticedMs = 7000
const awayRoot = `${root} away`

/** A device of a simulated world, and what goes wrong with it. */
export class SimulatedNode {
  readonly device: WorldDevice
  readonly faults: NodeFaults
  /** Once it is dead, it is not started before the next quiet period. */
  staysDead = false
  readonly #world: ReplicaWorld
  readonly #limiters: readonly FairLimiter[]
  #leave: (() => Promise<void>) | null = null
  #isAway = false
  readonly #scrubs: ScrubFolder[]
  #isScrubbing = false
  /** A copy of its database, as a backup has it. */
  #copy: StoreEntry[] | null = null
  #count = 0
  readonly #stores: OrderedStore[]
  readonly #trace: Trace | null
  readonly #bootNotes: MemoryBootNotes
  readonly #onStarted: Parts['onStarted']

  private constructor(device: WorldDevice, parts: Parts) {
    this.device = device
    this.#world = parts.world
    this.#limiters = parts.limiters
    this.faults = parts.faults
    this.#stores = parts.stores
    this.#scrubs = parts.scrubs
    this.#trace = parts.trace
    this.#bootNotes = parts.bootNotes
    this.#onStarted = parts.onStarted
  }

  static async add(name: string, { world, trace, lateSaves, onStarted }: NodeOptions): Promise<SimulatedNode> {
    const stores: OrderedStore[] = []
    const scrubs: ScrubFolder[] = []
    const scrubNotes = new MemoryNote<ScrubNote>()
    let faults: NodeFaults | null = null
    const limiters = [new FairLimiter(world.clock.view()), new FairLimiter(world.clock.view())]
    const turning = { turn: () => world.clock.turn(), now: () => world.clock.view().monotonic() }
    const bootNotes = new MemoryBootNotes(() => `boot ${faults?.boots ?? 0}`)
    const device = await world.add(name, {
      // Small enough for the folders that are removed here.
      removedRowsMin: 1,
      newStore: () => {
        stores.push(new OrderedStore())
        return stores.at(-1)!
      },
      newTasks: (deps) => new DiskFileTasks(deps, turning),
      bootNotes,
      damageNotes: new MemoryNote(),
      throttles: (peer) => {
        const [up, down] = limiters.map((limiter) => limiter.throttle(peer, 'folder'))
        return { up: up!, down: down! }
      },
      beforeStart: async (started) => {
        scrubs.push(scrubOf(world, started, scrubNotes))
        await scrubs.at(-1)!.load()
      },
    })
    // The folder was there before, and its marker is of long ago: no power cut takes them.
    device.disk.quietly(() => device.disk.syncFileSystem('/'))
    faults = new NodeFaults(device, { store: stores.at(-1)!, random: world.random, lateSaves })
    const node = new SimulatedNode(device, { world, limiters, faults, stores, scrubs, trace, bootNotes, onStarted })
    node.#arm()
    return node
  }

  /** Starts it unless it runs, or its disk is away. Nothing goes wrong while it starts. */
  async start(): Promise<void> {
    if (this.device.isRunning) return
    await this.resume()
    if (this.device.isDead) await this.stop()
    if (this.#isAway) return
    this.staysDead = false
    await this.device.start()
    await this.#onStarted(this)
    this.#arm()
  }

  async stop(): Promise<void> {
    await this.resume()
    this.faults.clear()
    this.#stores.at(-1)!.onCall = undefined
    if (this.#isScrubbing) await this.#world.clock.during(this.#scrubs.at(-1)!.stop())
    this.#isScrubbing = false
    await this.device.stop()
  }

  /** The folder is paused: it stays joined, and every stream for it is refused. */
  async pause(): Promise<void> {
    await this.stop()
    this.#leave = await this.device.joinPaused()
  }

  /** Its folder is paused no longer; whether it runs is left as it is. */
  async resume(): Promise<void> {
    await this.#leave?.()
    this.#leave = null
  }

  get isPaused(): boolean {
    return this.#leave !== null
  }

  /** The disk that the folder lies on goes away: an empty folder is left, without its marker. */
  unmount(): void {
    if (this.#isAway) return
    this.#isAway = true
    const { disk } = this.device
    disk.quietly(() => disk.rename(root, awayRoot))
    disk.makeFolders(root)
    disk.syncNames()
  }

  async mount(): Promise<void> {
    if (!this.#isAway) return
    // So long that it was noticed: nothing tells of one that comes back at once.
    await this.#world.clock.pass(noticedMs)
    this.#isAway = false
    const { disk } = this.device
    // What was put there meanwhile lies below what is mounted.
    disk.quietly(() => disk.rename(root, `${awayRoot} ${this.#count++}`))
    disk.quietly(() => disk.rename(awayRoot, root))
    disk.syncNames()
  }

  /** Nothing else tells of what was written through a mapping. */
  get hasLookedAgain(): boolean {
    return !this.device.isRunning || this.device.replica.looks.done.seq === this.device.replica.index.seq
  }

  /** What the next start takes for done, up to this row. */
  get notedSeq(): number {
    return this.#bootNotes.note?.seq ?? 0
  }

  get isAway(): boolean {
    return this.#isAway
  }

  /** 0 for no limit. */
  limit(bytesPerSecond: number): void {
    for (const limiter of this.#limiters) limiter.setRate(bytesPerSecond === 0 ? null : bytesPerSecond)
  }

  /** Begins to read all files again, for damage. */
  async scrub(): Promise<ScrubFolder> {
    await this.repair()
    const scrub = this.#scrubs.at(-1)!
    scrub.begin()
    return scrub
  }

  /** Has what is known to be damaged brought back by other devices; until then it is only known. */
  async repair(): Promise<void> {
    if (this.#isScrubbing) return
    this.#isScrubbing = true
    await this.#scrubs.at(-1)!.start()
  }

  /** As if the system had written everything out by now. */
  makeDatabaseDurable(): void {
    this.#stores.at(-1)!.makeDurable()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** SIGKILL, or a power cut, so many calls after it began to start. */
  async restartAndDie(calls: number, { cutsPower }: { cutsPower: boolean }): Promise<void> {
    await this.stop()
    if (this.#isAway) return
    this.#arm()
    this.faults.kill({ calls, cutsPower })
    try {
      await this.device.start()
    } catch (error) {
      if (!this.device.isDead) throw error
      this.device.disk.onCall = undefined
      this.device.disk.closeAll()
    }
  }

  async loseDatabase(): Promise<void> {
    await this.stop()
    this.device.loseDatabase()
    await this.start()
  }

  /** As a backup finds it: of a node that runs, or of one that was stopped. */
  async copyDatabase(): Promise<void> {
    const store = this.#stores.at(-1)!
    const { onCall } = store
    store.onCall = undefined
    this.#copy = await this.device.copyDatabase()
    store.onCall = onCall
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

export interface NodeOptions {
  readonly world: ReplicaWorld
  readonly trace: Trace | null
  readonly lateSaves: LateSaves | null
  readonly onStarted: (node: SimulatedNode) => Promise<void>
}

interface Parts extends Pick<NodeOptions, 'world' | 'trace' | 'onStarted'> {
  readonly limiters: readonly FairLimiter[]
  readonly faults: NodeFaults
  readonly stores: OrderedStore[]
  readonly scrubs: ScrubFolder[]
  readonly bootNotes: MemoryBootNotes
}

function scrubOf({ clock }: ReplicaWorld, device: WorldDevice, notes: MemoryNote<ScrubNote>): ScrubFolder {
  const { disk, replica } = device
  return scrubReplica(replica, {
    tasks: new DiskFileTasks({ disk, root }, { turn: () => clock.turn(), now: () => clock.view().monotonic() }),
    // Ahead: what has changed just now is not judged, and waiting for that takes long here.
    clock: clock.view(() => device.clockOffMs + scrubAheadMs),
    // When it begins by itself is nothing that schedules wait for.
    random: new SeededRandom(1),
    logger: silentLogger,
    onChange: () => undefined,
    notes: {
      load: () => notes.load(),
      save: async (note) => {
        if (!device.isDead) await notes.save(note)
      },
    },
  })
}
