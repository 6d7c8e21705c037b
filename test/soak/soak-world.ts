import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatFolderKey } from '../../src/node/key-text.ts'
import { MemoryMount } from '../crash/disk-mount.ts'
import { readTree } from '../e2e/folder-tree.ts'
import { Lab } from '../lab/lab.ts'
import { Ledger, plain } from '../simulation/ledger.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { Draw } from './draw.ts'
import { nextFault, type FaultKind } from './nemesis.ts'
import { homes, planOperation } from './plan-operation.ts'
import { SoakNode } from './soak-node.ts'
import { SoakUser } from './soak-user.ts'

export interface SoakWorldOptions {
  readonly seed: number
  readonly nodes: number
  /** Where all of it goes: folders, homes, logs, the list of operations. */
  readonly at: string
}

/** How fast people work, and how long a fault is there and is not there, in milliseconds. */
export interface Pace {
  readonly operationsPerSecond: number
  readonly faultMs: readonly [min: number, max: number]
  readonly calmMs: readonly [min: number, max: number]
}

/** Nodes on hosts of their own, a person at each, and a nemesis. The last node lies on a small disk of its own. */
export class SoakWorld {
  readonly nodes: readonly SoakNode[]
  readonly ledger = new Ledger()
  readonly #options: SoakWorldOptions
  readonly #lab: Lab
  readonly #smallDisk: MemoryMount
  readonly #users: readonly SoakUser[]
  readonly #draw: Draw
  readonly #drawFault: Readonly<Record<FaultKind, Draw>>
  operations = 0
  approvals = 0
  /** By name, in their order. */
  readonly faults: string[] = []

  private constructor(options: SoakWorldOptions, lab: Lab, smallDisk: MemoryMount) {
    const { at, seed } = options
    this.#options = options
    this.#lab = lab
    this.#smallDisk = smallDisk
    this.#draw = new Draw(seed)
    this.#drawFault = { network: new Draw(seed ^ 0x6e6574), device: new Draw(seed ^ 0x646576) }
    const keyFile = join(at, 'key.txt')
    writeFileSync(keyFile, formatFolderKey(new SeededRandom(seed).bytes(32)), { mode: 0o600 })
    this.nodes = Array.from({ length: options.nodes }, (_, i) => {
      const disk = i === options.nodes - 1 ? smallDisk.path : at
      return new SoakNode({ lab, host: i + 1, disk, logs: at, keyFile })
    })
    const { ledger } = this
    this.#users = this.nodes.map(({ folder, name }) => new SoakUser({ root: folder, name: `${seed} ${name}`, ledger }))
  }

  /** Builds it and starts the nodes; the first one has files already. */
  static async open(options: SoakWorldOptions): Promise<SoakWorld> {
    mkdirSync(options.at, { recursive: true })
    const lab = await Lab.up(`soak${process.pid % 1_000_000}`, options.nodes)
    const world = new SoakWorld(options, lab, new MemoryMount('size=512m'))
    try {
      for (const home of homes) {
        for (let i = 0; i < 30; i++)
          world.#act(0, { type: 'write', path: `${home}/first ${i}.txt`, sizeBytes: 400 * i + 30 })
      }
      await Promise.all(world.nodes.map((node) => node.start()))
      return world
    } catch (error) {
      await world.close()
      throw error
    }
  }

  /** People work and things go wrong, for so many operations; then no fault is left, and all nodes run. */
  async trouble(operations: number, pace: Pace): Promise<void> {
    const ending = new AbortController()
    const others = [this.#torment('network', pace, ending.signal), this.#torment('device', pace, ending.signal)]
    others.push(this.#approveNowAndThen(ending.signal))
    try {
      for (let i = 0; i < operations; i++) {
        const user = this.#draw.between(0, this.#users.length - 1)
        this.#act(user, planOperation(this.#draw, this.#users[user]!.look()))
        await sleep((this.#draw.between(500, 1500) / 1000) * (1000 / pace.operationsPerSecond))
      }
    } finally {
      ending.abort()
      await Promise.all(others)
    }
  }

  /** Lets every node do what its change guard has held. */
  async approve(): Promise<void> {
    for (const node of this.nodes) if (await node.approve()) this.approvals++
  }

  /** Contents that nobody misses go from the histories, as a person might remove them to have room. */
  clearHistories(): void {
    const alive = new Set(this.ledger.lost(new Set()))
    for (const { folder } of this.nodes) {
      const history = join(folder, '.p2psync/history')
      for (const [path, { text }] of readTree(history)) {
        if (text !== 'folder' && !alive.has(plain(text))) rmSync(join(history, path), { force: true })
      }
    }
  }

  note(event: object): void {
    appendFileSync(join(this.#options.at, 'operations.jsonl'), `${JSON.stringify({ at: new Date(), ...event })}\n`)
  }

  /** Ends all nodes and takes the lab down; what they held is left below `at`. Returns what was wrong with their end. */
  async close(): Promise<readonly string[]> {
    const problems: string[] = []
    for (const node of this.nodes) {
      if (node.isPaused) node.continue()
      if (node.isDown) continue
      const code = await node.end('SIGTERM')
      if (code !== 0) problems.push(`${node.name} ended with ${code} when it was to stop`)
    }
    await this.#lab.down()
    const kept = join(this.#options.at, 'small-disk')
    cpSync(this.#smallDisk.path, kept, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
    this.#smallDisk[Symbol.dispose]()
    return problems
  }

  #act(user: number, operation: Parameters<SoakUser['act']>[0]): void {
    this.operations++
    const outcome = this.#users[user]!.act(operation)
    this.note({ node: this.nodes[user]!.name, ...operation, outcome })
  }

  async #torment(kind: FaultKind, pace: Pace, signal: AbortSignal): Promise<void> {
    const draw = this.#drawFault[kind]
    const options = { lab: this.#lab, nodes: this.nodes, smallDisk: this.#smallDisk.path }
    for (;;) {
      await pause(draw.between(...pace.calmMs), signal)
      if (signal.aborted) return
      const fault = nextFault(kind, draw, options)
      this.faults.push(fault.name)
      this.note({ fault: fault.name })
      await fault.begin()
      await pause(draw.between(...pace.faultMs), signal)
      await fault.end()
      this.note({ ended: fault.name })
    }
  }

  async #approveNowAndThen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(5000, signal)
      await this.approve()
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
