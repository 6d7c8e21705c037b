import { ReplicaWorld } from '../node/replica-world.ts'
import { checkers } from './checkers/all.ts'
import { Ledger } from './ledger.ts'
import { mayMeet, type Operation, type Schedule } from './schedule.ts'
import { SimulatedNode } from './simulated-node.ts'
import { Trace } from './trace.ts'
import { User, type Edit } from './user.ts'

const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon']
const plenty = 2 ** 40

export interface RunResult {
  /** What a checker found, or what was thrown; null when all held. */
  readonly problem: string | null
  /** Equal for two runs that did the same; '' when it was not asked for. */
  readonly trace: string
}

/** Runs a schedule to its end, and a quiet period after it. */
export async function runSchedule(schedule: Schedule, { traced = false } = {}): Promise<RunResult> {
  const trace = traced ? new Trace() : null
  const run = new SimulatedRun(schedule, trace)
  let problem: string | null = null
  try {
    await run.start()
    for (const operation of schedule.operations) await run.do(operation)
    await run.do({ type: 'quiet' })
    await run.stop()
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error)
    if (!(error instanceof BrokenPromise)) problem = error instanceof Error ? (error.stack ?? problem) : problem
    await run.stop().catch(() => undefined)
  }
  return { problem, trace: trace?.hash ?? '' }
}

/** A checker found something. */
class BrokenPromise extends Error {}

type OnNode = Exclude<Operation, { type: 'pause' | 'quiet' } | { other: number }>

function isEdit(operation: OnNode): operation is Edit {
  return 'path' in operation && operation.type !== 'edit-in-apply'
}

class SimulatedRun {
  readonly nodes: SimulatedNode[] = []
  readonly ledger = new Ledger()
  readonly world: ReplicaWorld
  readonly schedule: Schedule
  readonly #trace: Trace | null
  readonly #user = new User(this.ledger)
  readonly #stalledUntil = new Map<string, number>()
  readonly #drops = new Map<string, number>()
  #bytesPerSecond: number

  constructor(schedule: Schedule, trace: Trace | null) {
    this.schedule = schedule
    this.#trace = trace
    this.#bytesPerSecond = schedule.bytesPerSecond
    this.world = new ReplicaWorld({
      seed: schedule.seed,
      network: {
        delayMs: (from, to) => this.#delayMs(from, to),
        bytesPerSecond: () => (this.#bytesPerSecond === 0 ? Infinity : this.#bytesPerSecond),
        onFrame: (from, to, frame) => this.#onFrame(from, to, frame),
      },
    })
  }

  async start(): Promise<void> {
    const { nodes } = this.schedule
    for (const name of names.slice(0, nodes)) this.nodes.push(await SimulatedNode.add(this.world, name, this.#trace))
    this.#partForever()
  }

  async stop(): Promise<void> {
    for (const { device } of this.nodes) device.disk.onCall = undefined
    await this.world.stop()
  }

  async do(operation: Operation): Promise<void> {
    this.#trace?.add(`${this.world.clock.view().monotonic()} ${JSON.stringify(operation)}`)
    for (const node of this.nodes) if (node.device.isDead) await node.restart()
    if (operation.type === 'pause') return this.world.clock.pass(operation.ms)
    if (operation.type === 'quiet') return this.#quiet()
    const node = this.#node(operation.node)
    if ('other' in operation) return this.#onLink(operation)
    if (isEdit(operation)) {
      node.device.disk.capacityBytes = plenty
      return this.#user.edit(node.device, operation)
    }
    return this.#onNode(node, operation)
  }

  async #onNode(node: SimulatedNode, operation: Exclude<OnNode, Edit>): Promise<void> {
    const { device, faults } = node
    switch (operation.type) {
      case 'restart':
        return node.restart()
      case 'off':
        return node.stop()
      case 'on':
        return node.start()
      case 'deaf':
        device.isDeaf = true
        return
      case 'overflow':
        return device.overflow()
      case 'full':
        device.disk.capacityBytes = plenty - device.disk.quietly(() => device.disk.freeBytes('/')) + 20
        return
      case 'kill':
      case 'cut-power':
        if (device.isRunning) faults.kill({ calls: operation.calls, cutsPower: operation.type === 'cut-power' })
        return
      case 'disk-error':
        return faults.failDisk(operation)
      case 'edit-in-apply': {
        const { path } = operation
        return faults.editIn(operation.calls, () =>
          this.#user.edit(device, { type: 'write', node: 0, path, how: 'small' }),
        )
      }
      case 'clock':
        device.clockOffMs = operation.offMs
        return
      case 'edit-copy':
      case 'remove-copy':
        device.disk.capacityBytes = plenty
        return this.#user.editCopy(device, operation.type)
      case 'lose-database':
        return node.loseDatabase()
      case 'copy-database':
        return node.copyDatabase()
      case 'put-database-back':
        return node.putDatabaseBack()
    }
  }

  #onLink(operation: Extract<Operation, { other: number }>): void {
    const { nodes } = this
    const { network } = this.world
    const [a, b] = [operation.node % nodes.length, operation.other % nodes.length]
    if (a === b || !mayMeet(this.schedule, a, b)) return
    const [from, to] = [nodes[a]!.device.id, nodes[b]!.device.id]
    if (operation.type === 'part') network.partition(from, to)
    else if (operation.type === 'heal') network.heal(from, to)
    else if (operation.type === 'drop') this.#drops.set(`${from} ${to}`, operation.frames)
    else if (operation.type === 'stall')
      this.#stalledUntil.set(`${from} ${to}`, this.world.clock.view().monotonic() + operation.ms)
  }

  async #quiet(): Promise<void> {
    // What is on its way has come before anybody is said to be at rest.
    const stalledMs = Math.max(0, ...this.#stalledUntil.values()) - this.world.clock.view().monotonic()
    if (stalledMs > 0) await this.world.clock.pass(stalledMs + 1000)
    this.#stalledUntil.clear()
    this.#drops.clear()
    this.#bytesPerSecond = 0
    this.world.network.heal()
    this.#partForever()
    for (const node of this.nodes) {
      const { device } = node
      node.faults.clear()
      device.disk.capacityBytes = plenty
      await node.start()
      if (device.isDeaf) device.overflow()
      device.isDeaf = false
    }
    // What could not be read is looked at again after a minute.
    if (this.schedule.operations.some(({ type }) => type === 'disk-error')) await this.world.clock.pass(61_000)
    for (const check of checkers) {
      const problems = await check(this)
      if (problems.length > 0)
        throw new BrokenPromise(problems.map((problem) => `${check.name}: ${problem}`).join('\n'))
    }
    this.#bytesPerSecond = this.schedule.bytesPerSecond
  }

  #node(number: number): SimulatedNode {
    return this.nodes[number % this.nodes.length]!
  }

  #delayMs(from: string, to: string): number {
    const { delayMsMax } = this.schedule
    const stalledMs = (this.#stalledUntil.get(`${from} ${to}`) ?? 0) - this.world.clock.view().monotonic()
    return Math.max(0, stalledMs) + (delayMsMax === 0 ? 0 : this.world.random.fraction() * delayMsMax)
  }

  #onFrame(from: string, to: string, frame: Uint8Array): void {
    this.#trace?.add(`${this.world.clock.view().monotonic()} ${from.at(-1)} ${to.at(-1)}`)
    this.#trace?.addBytes(frame)
    this.nodes.find(({ device }) => device.id === from)?.faults.sent()
    const left = this.#drops.get(`${from} ${to}`)
    if (left === undefined) return
    this.#drops.set(`${from} ${to}`, left - 1)
    if (left > 1) return
    this.#drops.delete(`${from} ${to}`)
    const [a, b] = [from, to].map((id) => this.nodes.find(({ device }) => device.id === id)!.device)
    this.world.clock.soon(() => this.world.network.drop(a!.id, b!.id))
  }

  #partForever(): void {
    for (const [i, a] of this.nodes.entries()) {
      for (const [j, b] of this.nodes.entries()) {
        if (i < j && !mayMeet(this.schedule, i, j)) this.world.network.partition(a.device.id, b.device.id)
      }
    }
  }
}
