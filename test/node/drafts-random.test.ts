import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../twins/seeded-random.ts'
import { HeldSender } from './held-sender.ts'
import { ReplicaWorld } from './replica-world.ts'

const KiB = 1024
/** Just large enough to be gone on with after a kill. */
const fileBytes = 1100 * KiB

const who = fc.constantFrom(0, 1)
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('write' as const), who, text: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('append' as const), who, text: fc.nat({ max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('kill' as const), who, calls: fc.integer({ min: 1, max: 120 }) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('restart' as const), who }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('hold' as const), who }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('release' as const), who }) },
  { weight: 1, arbitrary: fc.constant({ type: 'part' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'heal' as const }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.constantFrom(5, 50, 500, 3000) }) },
)
type Action = typeof action extends fc.Arbitrary<infer Value> ? Value : never

const texts = [1, 2, 3, 4].map((seed) => {
  const half = Buffer.from(new SeededRandom(seed).bytes(fileBytes / 4)).toString('hex')
  // Halves are shared, so that blocks are found in other versions and other files.
  return half + Buffer.from(new SeededRandom(seed % 2).bytes(fileBytes / 4)).toString('hex')
})

async function play({ seed, actions }: { seed: number; actions: readonly Action[] }): Promise<void> {
  const world = new ReplicaWorld({ seed, delayMsMax: seed % 3 === 0 ? 20 : 0 })
  const senders = [new HeldSender({ isHeld: false }), new HeldSender({ isHeld: false })]
  try {
    for (const [i, name] of ['alpha', 'beta'].entries()) {
      await world.add(name, { draftBytesMin: 256 * KiB, newTasks: senders[i]!.newTasks })
    }
    const [a, b] = [world.devices[0]!, world.devices[1]!]
    for (const step of actions) {
      const device = 'who' in step ? world.devices[step.who]! : a
      const sender = 'who' in step ? senders[step.who]! : senders[0]!
      if (step.type === 'write') device.write('film', texts[step.text]!)
      else if (step.type === 'append') device.write('film', `${texts[step.text]!} and more`)
      else if (step.type === 'remove' && device.tree().has('film')) device.remove('film')
      else if (step.type === 'kill' && device.isRunning) device.killAfter(step.calls)
      else if (step.type === 'restart') {
        sender.release()
        await device.restart()
      } else if (step.type === 'hold') sender.isHeld = true
      else if (step.type === 'release') sender.release()
      else if (step.type === 'part') world.network.partition(a.id, b.id)
      else if (step.type === 'heal') world.network.heal()
      else if (step.type === 'pass') await world.clock.pass(step.ms)
    }
    world.network.heal()
    for (const [i, device] of world.devices.entries()) {
      senders[i]!.release()
      device.disk.onCall = undefined
      if (device.isDead) await device.restart()
      device.overflow()
    }
    const tree = await world.rest()
    for (const what of tree.values()) {
      const text = what.replace(/^file /, '').replace(/ and more$/, '')
      expect(texts.includes(text)).toBe(true)
    }
    await world.clock.pass(5000)
    await world.rest()
  } finally {
    for (const sender of senders) sender.release()
    await world.stop()
  }
}

describe('drafts under random actions', { timeout: 24 * 60 * 60_000 }, () => {
  it('change nothing of what comes about, through kills, edits and lost connections', async () => {
    const numRuns = Number(process.env['P2PSYNC_RANDOM_RUNS'] ?? 12)
    const seed = process.env['P2PSYNC_RANDOM_RUNS'] === undefined ? { seed: 20_261_121 } : {}
    const run = fc.record({ seed: fc.nat(), actions: fc.array(action, { minLength: 4, maxLength: 25 }) })
    await fc.assert(fc.asyncProperty(run, play), { numRuns, ...seed })
  })
})
