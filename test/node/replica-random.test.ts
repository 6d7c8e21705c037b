import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isConflictCopyName } from '../../src/vector-clock/conflict-name.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { anyActions, Player, type Action } from './random-actions.ts'
import { ReplicaWorld } from './replica-world.ts'

const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon']

interface Run {
  readonly seed: number
  readonly count: number
  readonly topology: 'all' | 'line'
  readonly delayMsMax: number
  readonly actions: readonly Action[]
}

function anyRun(options: { faults: boolean; databases: boolean }): fc.Arbitrary<Run> {
  return fc.record({
    seed: fc.nat(),
    count: fc.constantFrom(2, 2, 3, 3, 4, 5),
    topology: fc.constantFrom('all', 'line'),
    delayMsMax: fc.constantFrom(0, 0, 20, 200),
    actions: anyActions(options),
  })
}

/** `P2PSYNC_RANDOM_RUNS` for more runs, `P2PSYNC_RANDOM_SEED` for the runs of a seed that failed. */
async function check(options: { faults: boolean; databases: boolean }, runs: number): Promise<void> {
  const numRuns = Number(process.env['P2PSYNC_RANDOM_RUNS'] ?? runs)
  const seed = process.env['P2PSYNC_RANDOM_SEED']
  await fc.assert(
    fc.asyncProperty(anyRun(options), play),
    // The same runs in every `npm test`; more of them, or another seed, look for what nobody has met.
    seed === undefined && process.env['P2PSYNC_RANDOM_RUNS'] !== undefined
      ? { numRuns }
      : { numRuns, seed: Number(seed ?? 20_261_120) },
  )
}

describe('replicas under random actions', { timeout: 24 * 60 * 60_000 }, () => {
  it('end alike and lose nothing, through edits, partitions and restarts', async () => {
    await check({ faults: false, databases: false }, 30)
  })

  it('end alike and lose nothing, through kills, full disks, lost hints and clocks that jump', async () => {
    await check({ faults: true, databases: false }, 30)
  })

  it('end alike and lose nothing, through databases that are lost or old', async () => {
    await check({ faults: true, databases: true }, 30)
  })
})

async function play({ seed, count, topology, delayMsMax, actions }: Run): Promise<void> {
  const world = new ReplicaWorld({ seed, delayMsMax })
  try {
    // Small enough for the folders that are removed here.
    for (const name of names.slice(0, count)) await world.add(name, { removedRowsMin: 1 })
    const player = new Player(world, (a, b) => topology === 'all' || Math.abs(a - b) === 1)
    for (const action of actions) await player.play(action)
    const tree = await player.end()
    expect(player.ledger.lost(tree.values())).toEqual([])
    for (const path of tree.keys()) expect(copySuffixes(path)).toBeLessThan(2)
    await expectRest(world)
  } finally {
    await world.stop()
  }
}

/** Nothing crosses the wire, and nothing is found that would have to. */
async function expectRest(world: ReplicaWorld): Promise<void> {
  await world.clock.pass(1000)
  const { framesSent } = world.network
  await world.clock.pass(20_000)
  expect(world.network.framesSent - framesSent).toBe(0)
  await world.rest()
}

/** How often the name says that it is a conflicted copy: a conflict of a copy makes one more copy of the original. */
function copySuffixes(path: string): number {
  return isConflictCopyName(path as RelativePath) ? path.split('conflicted copy').length - 1 : 0
}
