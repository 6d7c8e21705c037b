import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/node/system-clock.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const paths = ['a', 'b', 'd', 'd/a', 'd/b', 'd/e', 'd/e/f']

type Action =
  | { readonly type: 'write' | 'remove' | 'folder'; readonly device: number; readonly path: string }
  | { readonly type: 'rename'; readonly device: number; readonly path: string; readonly to: string }
  | { readonly type: 'part' | 'heal' | 'restart' | 'pause'; readonly device: number }

const path = fc.constantFrom(...paths)
const device = fc.nat({ max: 2 })
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('write' as const), device, path }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('remove' as const, 'folder' as const), device, path }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('rename' as const), device, path, to: path }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('part', 'heal', 'restart', 'pause', 'pause'), device }) },
)

/** Contents that users wrote and that nobody who had seen them replaced or removed. */
class Ledger {
  readonly #alive = new Set<string>()

  wrote(content: string, over: string | undefined): void {
    this.saw(over)
    this.#alive.add(content)
  }

  saw(content: string | undefined): void {
    if (content !== undefined) this.#alive.delete(content)
  }

  lost(trees: readonly string[]): string[] {
    return [...this.#alive].filter((content) => !trees.includes(content))
  }
}

describe('three replicas under random edits, partitions and restarts', () => {
  it('end alike, and lose nothing that nobody replaced knowingly', { timeout: 300_000 }, async () => {
    const runs = Number(process.env['P2PSYNC_RANDOM_RUNS'] ?? 40)
    const seed = process.env['P2PSYNC_RANDOM_SEED']
    await fc.assert(fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), play), {
      numRuns: runs,
      endOnFailure: true,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
    })
  })
})

async function play(actions: readonly Action[]): Promise<void> {
  const world = new ReplicaWorld()
  const ledger = new Ledger()
  try {
    for (const name of ['alpha', 'beta', 'gamma']) await world.add(name)
    let count = 0
    for (const step of actions) await act(step, world, ledger, `content ${count++}`)
    world.network.heal()
    const tree = await world.rest()
    expect(ledger.lost([...tree.values()])).toEqual([])
  } finally {
    await world.stop()
  }
}

async function act(step: Action, world: ReplicaWorld, ledger: Ledger, content: string): Promise<void> {
  const { devices, network } = world
  const actor = devices[step.device]!
  const other = devices[(step.device + 1) % devices.length]!
  switch (step.type) {
    case 'write':
      if (mayWrite(actor, step.path)) {
        ledger.wrote(`file ${content}`, actor.tree().get(step.path))
        actor.write(step.path, content)
      }
      return
    case 'folder':
      if (mayWrite(actor, step.path) && !actor.tree().has(step.path)) actor.makeFolder(step.path)
      return
    case 'remove': {
      const tree = actor.tree()
      if (!tree.has(step.path)) return
      for (const [at, what] of tree) if (at === step.path || at.startsWith(`${step.path}/`)) ledger.saw(what)
      actor.remove(step.path)
      return
    }
    case 'rename': {
      const tree = actor.tree()
      if (tree.has(step.path) && !tree.has(step.to) && mayWrite(actor, step.to) && !step.to.startsWith(step.path)) {
        actor.rename(step.path, step.to)
      }
      return
    }
    case 'part':
      return network.partition(actor.id, other.id)
    case 'heal':
      return network.heal(actor.id, other.id)
    case 'restart':
      await actor.stop()
      return await actor.start()
    case 'pause':
      return await systemClock.sleep(30)
  }
}

function mayWrite(actor: WorldDevice, at: string): boolean {
  const tree = actor.tree()
  const segments = at.split('/')
  const parents = segments.slice(1).map((_, i) => segments.slice(0, i + 1).join('/'))
  return parents.every((parent) => (tree.get(parent) ?? 'folder').startsWith('folder')) && !isFolder(tree.get(at))
}

function isFolder(what: string | undefined): boolean {
  return what?.startsWith('folder') === true
}
