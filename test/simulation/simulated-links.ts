import type { ReplicaWorld } from '../node/replica-world.ts'
import type { SeededRandom } from '../twins/seeded-random.ts'
import { mayMeet, type Operation, type Schedule } from './schedule.ts'
import type { SimulatedNode } from './simulated-node.ts'

const retransmitMs = 200
const retransmitMsMax = 10_000

/** The network of a run: who is joined to whom, and what is slow, held back or about to break. */
export class SimulatedLinks {
  readonly #schedule: Schedule
  readonly #nodes: readonly SimulatedNode[]
  readonly #world: () => ReplicaWorld
  readonly #stalledUntil = new Map<string, number>()
  readonly #drops = new Map<string, number>()
  readonly #slow = new Map<string, number>()
  /** Since the last heal, of any device: so late may be what is on its way. */
  #slowMsMax = 0
  #bytesPerSecond: number
  #loss: number

  constructor(schedule: Schedule, parts: { nodes: readonly SimulatedNode[]; world: () => ReplicaWorld }) {
    this.#schedule = schedule
    this.#nodes = parts.nodes
    this.#world = parts.world
    this.#bytesPerSecond = schedule.bytesPerSecond
    this.#loss = schedule.loss ?? 0
  }

  bytesPerSecond(): number {
    return this.#bytesPerSecond === 0 ? Infinity : this.#bytesPerSecond
  }

  delayMs(from: string, to: string): number {
    const world = this.#world()
    const { delayMsMax } = this.#schedule
    const stalledMs = (this.#stalledUntil.get(`${from} ${to}`) ?? 0) - world.clock.view().monotonic()
    const slowMs = (this.#slow.get(from) ?? 0) + (this.#slow.get(to) ?? 0)
    const delayMs = delayMsMax === 0 ? 0 : world.random.fraction() * delayMsMax
    return Math.max(0, stalledMs) + slowMs + delayMs + this.#againMs(world.random)
  }

  /** How long it takes until a frame is sent once more, and perhaps again, as TCP does. */
  #againMs(random: SeededRandom): number {
    if (this.#loss === 0) return 0
    let ms = 0
    for (let waitMs = retransmitMs; waitMs < retransmitMsMax && random.fraction() < this.#loss; waitMs *= 2)
      ms += waitMs
    return ms
  }

  /** A frame was sent: it may have been the last one of its connection. */
  sent(from: string, to: string): void {
    const left = this.#drops.get(`${from} ${to}`)
    if (left === undefined) return
    this.#drops.set(`${from} ${to}`, left - 1)
    if (left > 1) return
    this.#drops.delete(`${from} ${to}`)
    const { clock, network } = this.#world()
    const [a, b] = [from, to].map((id) => this.#nodes.find(({ device }) => device.id === id)!.device)
    clock.soon(() => network.drop(a!.id, b!.id))
  }

  slow({ device }: SimulatedNode, ms: number): void {
    this.#slow.set(device.id, ms)
    this.#slowMsMax = Math.max(this.#slowMsMax, ms)
  }

  change(operation: Extract<Operation, { other: number }>): void {
    const { network, clock } = this.#world()
    const [a, b] = [operation.node % this.#nodes.length, operation.other % this.#nodes.length]
    if (a === b || !mayMeet(this.#schedule, a, b)) return
    const [from, to] = [this.#nodes[a]!.device.id, this.#nodes[b]!.device.id]
    if (operation.type === 'part') network.partition(from, to)
    else if (operation.type === 'heal') network.heal(from, to)
    else if (operation.type === 'drop') this.#drops.set(`${from} ${to}`, operation.frames)
    else if (operation.type === 'stall') this.#stall(`${from} ${to}`, clock.view().monotonic() + operation.ms)
  }

  /** A shorter one in between ends none: what is on its way comes when it would have. */
  #stall(link: string, untilMs: number): void {
    this.#stalledUntil.set(link, Math.max(untilMs, this.#stalledUntil.get(link) ?? 0))
  }

  /** All links are whole and fast once what is on its way has come. */
  async heal(): Promise<void> {
    const { network, clock } = this.#world()
    const stalledMs = Math.max(0, Math.max(0, ...this.#stalledUntil.values()) - clock.view().monotonic())
    const slowMs = 2 * this.#slowMsMax
    const againMs = this.#loss === 0 ? 0 : 2 * retransmitMsMax
    this.#slow.clear()
    this.#slowMsMax = 0
    this.#loss = 0
    if (stalledMs + slowMs + againMs > 0) await clock.pass(stalledMs + slowMs + againMs + 1000)
    this.#stalledUntil.clear()
    this.#drops.clear()
    this.#bytesPerSecond = 0
    network.heal()
    this.partForever()
  }

  /** As slow and lossy as the schedule has them. */
  slowDown(): void {
    this.#bytesPerSecond = this.#schedule.bytesPerSecond
    this.#loss = this.#schedule.loss ?? 0
  }

  /** Those that never meet. */
  partForever(): void {
    for (const [i, a] of this.#nodes.entries()) {
      for (const [j, b] of this.#nodes.entries()) {
        if (i < j && !mayMeet(this.#schedule, i, j)) this.#world().network.partition(a.device.id, b.device.id)
      }
    }
  }
}
