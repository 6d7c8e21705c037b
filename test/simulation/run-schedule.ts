import { ReplicaWorld, type WorldDevice } from '../node/replica-world.ts'
import { BitRot } from './bit-rot.ts'
import { checkers } from './checkers/all.ts'
import { GuardAnswers } from './guard-answers.ts'
import { LateSaves } from './late-saves.ts'
import { Ledger } from './ledger.ts'
import { endings, type Operation, type Schedule } from './schedule.ts'
import { SimulatedLinks } from './simulated-links.ts'
import { SimulatedNode } from './simulated-node.ts'
import { Trace } from './trace.ts'
import { isForeign, resolveNames } from './twin-names.ts'
import { User, type Edit, type UserOptions } from './user.ts'

const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon']
const plenty = 2 ** 40
const repairMs = 5000
/** What was being changed when it was to be repaired is looked at once more. */
const repairAgainMs = 130_000
const guardMs = 5000
const programSteps = 15
const lookAgainMsMax = 600_000

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
  return 'path' in operation && operation.type !== 'edit-in-apply' && operation.type !== 'rot'
}

class SimulatedRun {
  readonly nodes: SimulatedNode[] = []
  readonly ledger = new Ledger()
  readonly world: ReplicaWorld
  readonly schedule: Schedule
  readonly lateSaves: LateSaves | null
  readonly #trace: Trace | null
  readonly #user: User
  readonly #links: SimulatedLinks
  readonly #rot: BitRot
  readonly #guard: GuardAnswers

  constructor(schedule: Schedule, trace: Trace | null) {
    this.schedule = schedule
    this.#trace = trace
    this.#links = new SimulatedLinks(schedule, { nodes: this.nodes, world: () => this.world })
    this.world = new ReplicaWorld({
      seed: schedule.seed,
      network: {
        delayMs: (from, to) => this.#links.delayMs(from, to),
        bytesPerSecond: () => this.#links.bytesPerSecond(),
        onFrame: (from, to, frame) => this.#onFrame(from, to, frame),
      },
    })
    const savesLate = schedule.lateSaves === true
    const onReplace: UserOptions['onReplace'] = (at, path, what) => this.lateSaves?.replaced(at, path, what)
    const nowMs = (): number => this.world.clock.view().monotonic()
    this.#user = new User(this.ledger, { savesLate, onReplace, nowMs })
    this.lateSaves = savesLate ? new LateSaves(this.world, this.ledger) : null
    this.#rot = new BitRot(this.world, this.ledger)
    this.#guard = new GuardAnswers(this.world)
  }

  async start(): Promise<void> {
    const { nodes } = this.schedule
    const onStarted = (node: SimulatedNode): Promise<void> => this.#rot.started(node)
    const options = { world: this.world, trace: this.#trace, lateSaves: this.lateSaves, onStarted }
    for (const name of names.slice(0, nodes)) this.nodes.push(await SimulatedNode.add(name, options))
    this.#links.partForever()
    void this.lateSaves?.run(this.nodes)
  }

  async stop(): Promise<void> {
    this.lateSaves?.stop()
    for (const { device } of this.nodes) device.disk.onCall = undefined
    for (const node of this.nodes) await node.stop()
  }

  async do(operation: Operation): Promise<void> {
    this.#trace?.add(`${this.world.clock.view().monotonic()} ${JSON.stringify(operation)}`)
    this.lateSaves?.onOperation(operation)
    for (const node of this.nodes) if (node.device.isDead && !node.staysDead) await node.restart()
    if (operation.type === 'pause') return this.world.clock.pass(operation.ms)
    if (operation.type === 'quiet') return this.#quiet()
    const node = this.#node(operation.node)
    if ('other' in operation) return this.#links.change(operation)
    if (isEdit(operation)) return this.#edit(node, operation)
    return this.#onNode(node, operation)
  }

  #edit(node: SimulatedNode, operation: Edit): void {
    const { device } = node
    device.disk.capacityBytes = plenty
    if (node.isAway) return
    // Whoever touches a damaged file publishes it: nobody can tell.
    const touches = ['rename', 'copy', 'chmod', 'grow', 'change'].includes(operation.type)
    if (operation.type === 'mapped' && this.#rot.isAt(node, '')) return
    const isDamaged = this.#rot.isAt(node, operation.path) || this.lateSaves?.isAt(device, operation.path) === true
    if (!touches || !isDamaged) this.#user.edit(device, operation)
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
      case 'pause-folder':
        return node.pause()
      case 'resume-folder':
        return node.isPaused ? node.start() : undefined
      case 'unmount':
        return node.unmount()
      case 'mount':
        return node.mount()
      case 'slow':
        return this.#links.slow(node, operation.ms)
      case 'limit':
        return node.limit(operation.bytesPerSecond)
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
      case 'die':
        if (device.isRunning) faults.kill({ calls: operation.calls, cutsPower: operation.type === 'cut-power' })
        node.staysDead = operation.type === 'die' && device.isRunning
        return
      case 'kill-start':
      case 'cut-power-start':
        return node.restartAndDie(operation.calls, { cutsPower: operation.type === 'cut-power-start' })
      case 'disk-error':
        return faults.failDisk(operation)
      case 'edit-in-apply': {
        const { path } = operation
        return faults.editIn(operation.calls, () => {
          device.disk.capacityBytes = plenty
          if (!node.isAway) this.#user.edit(device, { type: 'write', node: 0, path, how: 'small' })
        })
      }
      case 'clock':
        device.clockOffMs = operation.offMs
        return
      case 'rot':
        return this.#rot.rot(node, operation.path, this.nodes)
      case 'scrub':
        if (device.isRunning) await node.scrub()
        return
      case 'program':
        for (let step = 0; step < programSteps; step++) {
          device.disk.capacityBytes = plenty
          if (!node.isAway) this.#user.step(device, step, operation.how)
          await this.world.clock.pass(operation.ms)
        }
        return
      case 'decide':
        return this.#guard.answer(device, operation.how)
      case 'lose-database':
        return node.loseDatabase()
      case 'copy-database':
        return node.copyDatabase()
      case 'put-database-back':
        return node.putDatabaseBack()
      case 'edit-copy':
      case 'remove-copy':
      case 'fill':
      case 'mass':
        return this.#onFolder(node, operation)
    }
  }

  #onFolder(
    node: SimulatedNode,
    operation: Extract<OnNode, { type: 'edit-copy' | 'remove-copy' | 'fill' | 'mass' }>,
  ): void {
    const { device } = node
    device.disk.capacityBytes = plenty
    if (node.isAway) return
    if (operation.type === 'fill') this.#user.fill(device, operation.files)
    else if (operation.type === 'mass') this.#user.mass(device, operation.how)
    else this.#user.editCopy(device, operation.type)
  }

  async #quiet(): Promise<void> {
    await this.#links.heal()
    for (const node of this.nodes) {
      const { device } = node
      node.faults.clear()
      node.limit(0)
      device.disk.capacityBytes = plenty
      await node.mount()
      await node.start()
      if (device.isDeaf) device.overflow()
      device.isDeaf = false
    }
    // What could not be read is looked at again after a minute.
    if (this.#has('disk-error')) await this.world.clock.pass(61_000)
    if (this.#has('mapped'))
      await this.world.clock.run(() => this.nodes.every((node) => node.hasLookedAgain), lookAgainMsMax)
    if (this.schedule.operations.some((operation) => 'path' in operation && isForeign(operation)))
      this.#expect('names', await resolveNames(this.world))
    if (this.#has('mass', 'fill', 'program'))
      this.#expect('guard', await this.#guard.answerAll({ isDamaged: this.#has('rot') || this.#mayBeTorn }))
    if (this.schedule.operations.some(({ type }) => endings.has(type))) {
      for (const node of this.nodes) await node.repair()
      await this.world.clock.pass(repairMs)
    }
    if (this.#has('take')) this.#expect('taken', await this.#user.clearObstacles(this.world))
    // What is on its way may take a damaged file elsewhere.
    if (this.#has('rot')) await this.world.rest().catch(() => undefined)
    await this.#rot.mend()
    if (this.#has('rot', 'cut-power', 'cut-power-start')) await this.#putBack()
    for (const check of checkers) this.#expect(check.name, await check(this))
    this.ledger.allHaveTheSame()
    this.#links.slowDown()
  }

  /**
   * Whether this device may say of this file that it is damaged, and nobody have the right bytes: what was saved while a clock
   * was behind, right before a power cut, looks like an old version that came back; and people elsewhere may have replaced what
   * only a damaged disk has left, before it loses a conflict, or a person insists on it.
   */
  #mayBeGone(device: WorldDevice, path: string): boolean {
    const isOfAnOldClock = this.#has('clock') && this.#has('cut-power', 'cut-power-start')
    return this.#mayBeTorn || isOfAnOldClock || this.#rot.isGone(device, path)
  }

  /** Whether a power cut may have taken what a user saved. */
  get #mayBeTorn(): boolean {
    return this.schedule.lateSaves === true && this.#has('cut-power', 'cut-power-start')
  }

  /** Persons read what is wrong, write the file anew, and say that so many are meant. */
  async #putBack(): Promise<void> {
    await this.world.rest().catch(() => undefined)
    if (this.#mayBeTorn) await this.world.clock.pass(repairAgainMs)
    for (const { device } of this.nodes) {
      const { problems } = device.replica.view.status()
      const damaged = problems.filter(({ path, reason }) => reason.includes('damaged') && this.#mayBeGone(device, path))
      for (const { path } of damaged) this.#user.edit(device, { type: 'write', node: 0, path, how: 'small' })
      if (!this.#mayBeTorn || damaged.length === 0) continue
      await this.world.clock.pass(guardMs)
      await this.#guard.answer(device, 'approve')
    }
  }

  #has(...types: readonly Operation['type'][]): boolean {
    return this.schedule.operations.some(({ type }) => types.includes(type))
  }

  #expect(what: string, problems: readonly string[]): void {
    if (problems.length > 0) throw new BrokenPromise(problems.map((problem) => `${what}: ${problem}`).join('\n'))
  }

  #node(number: number): SimulatedNode {
    return this.nodes[number % this.nodes.length]!
  }

  #onFrame(from: string, to: string, frame: Uint8Array): void {
    this.#trace?.add(`${this.world.clock.view().monotonic()} ${from.at(-1)} ${to.at(-1)}`)
    this.#trace?.addBytes(frame)
    this.nodes.find(({ device }) => device.id === from)?.faults.sent()
    this.#links.sent(from, to)
  }
}
