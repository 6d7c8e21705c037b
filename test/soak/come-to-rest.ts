import { setTimeout as sleep } from 'node:timers/promises'
import type { FolderStatus } from '../../src/node/node-api.ts'
import { readTree } from '../e2e/folder-tree.ts'
import { differences } from './check-rest.ts'
import type { SoakNode } from './soak-node.ts'
import type { SoakWorld } from './soak-world.ts'

/**
 * Waits until all nodes say that they are in sync with all others, and have equal trees: what a watcher has not told yet, no
 * node can know of. Whatever their change guards hold is approved. Returns what is wrong when that takes too long, as lines.
 */
export async function comeToRest(world: SoakWorld, timeoutMs: number): Promise<readonly string[]> {
  const { nodes } = world
  const deadline = performance.now() + timeoutMs
  let problems: readonly string[] = []
  while (performance.now() < deadline) {
    await world.approve()
    const statuses = await Promise.all(nodes.map((node) => node.status()))
    problems = statuses.flatMap((status, i) => notInSync(nodes[i]!, status, nodes.length - 1))
    if (problems.length === 0) problems = differences(nodes.map((node) => [node, readTree(node.folder)]))
    if (problems.length === 0) return []
    if (nodes.some((node) => node.unexpectedEnd !== null)) break
    await sleep(250)
  }
  return [`not alike and in sync after ${timeoutMs / 1000} s`, ...problems]
}

function notInSync({ name }: SoakNode, status: FolderStatus | null, peers: number): readonly string[] {
  if (status === null) return [`${name} does not answer`]
  const { state, reason, needed, problems, problemCount, peersConnected, held } = status
  if (state === 'in-sync' && peersConnected === peers && problemCount === 0) return []
  const what = JSON.stringify({ reason, needed, held, problemCount, problems: problems.slice(0, 5) })
  return [`${name} is ${state} with ${peersConnected} peers: ${what}`]
}
