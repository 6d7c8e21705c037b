import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FolderStatus } from '../../src/node/node-api.ts'
import { readTree, treeDifferences, type Tree } from './folder-tree.ts'
import { freshPort, NodeProcess, runCli, type NodeOptions } from './node-process.ts'
import { Scratch } from './scratch.ts'

interface WorldOptions {
  /** Pairs of nodes that know each other's address; by default all. */
  readonly links?: readonly (readonly [string, string])[]
  /** More for each node. */
  readonly extra?: Partial<NodeOptions>
}

/** Nodes that share one key, none of them started yet; all are killed and removed when the world is disposed of. */
export class World {
  readonly scratch: Scratch
  readonly key: string
  readonly nodes: readonly NodeProcess[]

  private constructor(scratch: Scratch, key: string, nodes: readonly NodeProcess[]) {
    this.scratch = scratch
    this.key = key
    this.nodes = nodes
  }

  static async of(names: readonly string[], options: WorldOptions = {}): Promise<World> {
    const scratch = new Scratch()
    const { stdout: key } = await runCli(['key', 'new'])
    const ports = new Map(names.map((name) => [name, freshPort()]))
    const links = options.links ?? names.flatMap((a) => names.filter((b) => a !== b).map((b) => [a, b] as const))
    const nodes = names.map((name) => {
      const partners = links.flatMap(([a, b]) => (a === name ? [b] : b === name ? [a] : []))
      const dials = Array.from(new Set(partners), (partner) => ports.get(partner)!)
      return new NodeProcess({ scratch, name, key: key.trim(), port: ports.get(name)!, dials, ...options.extra })
    })
    return new World(scratch, key.trim(), nodes)
  }

  async start(nodes: readonly NodeProcess[] = this.nodes): Promise<void> {
    await Promise.all(nodes.map((node) => node.start()))
  }

  async stop(nodes: readonly NodeProcess[] = this.nodes): Promise<void> {
    await Promise.all(nodes.map((node) => node.stop()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop('SIGKILL')))
    this.scratch[Symbol.dispose]()
  }
}

export interface SettleOptions {
  /** What all must hold in the end; when it is not given, they must only be equal. */
  readonly expected?: Tree
  /**
   * The changes were made before the nodes met, so that none may say "in sync" before it is. Off for changes under way:
   * no node can know of a change that its watcher has not seen yet.
   */
  readonly honest?: boolean
  readonly timeoutMs?: number
}

/**
 * Waits until all nodes say that they are in sync and their trees are equal; returns the tree. Nothing may be left in
 * staging then.
 */
export async function settle(nodes: readonly NodeProcess[], options: SettleOptions = {}): Promise<Tree> {
  const deadline = performance.now() + (options.timeoutMs ?? 45_000)
  let problems: readonly string[] = []
  while (performance.now() < deadline) {
    const statuses = await Promise.all(nodes.map((node) => node.status()))
    const saying = nodes.filter((_, index) => saysInSync(statuses[index]!))
    if (saying.length > 0) {
      const trees = nodes.map((node) => readTree(node.folder))
      const expected = options.expected ?? trees[0]!
      const wrong = nodes.map((_, index) => treeDifferences(expected, trees[index]!))
      const liar = saying.find((node) => wrong[nodes.indexOf(node)]!.length > 0)
      problems = wrong.flatMap((lines, index) => lines.map((line) => `${nodes[index]!.name}: ${line}`))
      if (liar !== undefined && options.honest === true)
        throw failure(`${liar.name} said "in sync" too early`, problems, nodes)
      if (saying.length === nodes.length && problems.length === 0) {
        for (const node of nodes) expectEmptyStaging(node)
        return expected
      }
    } else problems = statuses.map((status, index) => `${nodes[index]!.name}: ${statusText(status)}`)
    const ended = nodes.find((node) => !node.isRunning)
    if (ended !== undefined) throw failure(`${ended.name} has ended`, problems, nodes)
    await sleep(40)
  }
  const statuses = await Promise.all(nodes.map(async (node) => `${node.name}: ${statusText(await node.status())}`))
  throw failure('the nodes did not come to rest alike', [...statuses, ...problems], nodes)
}

/** What is left in a node's staging folder. */
export function stagedFiles(node: NodeProcess): readonly string[] {
  return readdirSync(join(node.folder, '.p2psync', 'staging'), { recursive: true }).map(String)
}

function saysInSync(status: FolderStatus | null): boolean {
  return status !== null && status.state === 'in-sync' && status.peersConnected > 0
}

function statusText(status: FolderStatus | null): string {
  if (status === null) return 'does not answer'
  const { state, needed, problems, peersConnected } = status
  return `${state}, ${peersConnected} peers, needs ${needed.files} files, ${JSON.stringify(problems).slice(0, 500)}`
}

function expectEmptyStaging(node: NodeProcess): void {
  const left = stagedFiles(node)
  if (left.length > 0) throw failure(`${node.name} left files in staging`, left, [node])
}

function failure(what: string, details: readonly string[], nodes: readonly NodeProcess[]): Error {
  const shown = details.length > 30 ? [...details.slice(0, 30), `and ${details.length - 30} more`] : details
  return new Error([what, ...shown, ...nodes.map((node) => node.report())].join('\n'))
}
