import type { HeldChanges } from '../../src/model/guard-limits.ts'
import type { ReplicaWorld, WorldDevice } from '../node/replica-world.ts'
import type { Decided } from './schedule.ts'

const roundsMax = 40
const asksAgainMs = 180_000

/** What persons say when changes wait for them. */
export class GuardAnswers {
  readonly #world: ReplicaWorld

  constructor(world: ReplicaWorld) {
    this.#world = world
  }

  async answer(device: WorldDevice, answer: Decided): Promise<void> {
    if (!device.isRunning) return
    const { replica } = device
    if (replica.view.status().held.length === 0) return
    await (answer === 'approve' ? replica.guard.approve() : replica.guard.reject())
  }

  /**
   * Answers until nothing waits any more. Returns what is wrong: what waited was not kept by the others, or was rejected
   * and did not come back; that is not looked at where disks have damaged what should.
   */
  async answerAll({ isDamaged }: { readonly isDamaged: boolean }): Promise<string[]> {
    const { devices, random, clock } = this.#world
    const asking = (): WorldDevice[] => devices.filter((device) => waiting(device).length > 0)
    const isDone = (): boolean =>
      asking().length > 0 ||
      devices.every(({ replica }) => ['in-sync', 'waiting'].includes(replica.view.status().state))
    const isNothingHeld = (): boolean => devices.every(({ replica }) => replica.view.status().held.length === 0)
    for (let round = 0; round < roundsMax; round++) {
      const isAnswered = await clock.run(isDone, 180_000)
      await clock.pass(3000)
      // That it does not come to rest for another reason is for other checkers.
      if (!isAnswered && isNothingHeld()) return []
      // A device that asks anew says for a moment nothing of what nobody has.
      const isOver = isAnswered || isDamaged || (await clock.run(() => !devices.some(isStuck), asksAgainMs))
      if (!isOver) return devices.filter(isStuck).map(({ name }) => `${name} waits for ever`)
      if (!isAnswered) await this.#giveUp()
      const [first, ...others] = asking()
      if (first === undefined && isAnswered && isNothingHeld()) return []
      // What waited a moment ago was settled by others, or is to come back and cannot.
      if (first === undefined) continue
      const answer = random.fraction() < 0.5 ? 'approve' : 'reject'
      const expected = answer === 'reject' && others.length === 0 && !isDamaged ? this.#keptFor(first) : null
      for (const device of [first, ...others]) await this.answer(device, answer)
      if (expected === null) continue
      // What nobody has cannot come back.
      if (!(await clock.run(() => first.replica.view.status().held.length === 0, 600_000))) continue
      await clock.run(isDone, 180_000)
      const problems = missingOf(expected, first)
      if (problems.length > 0) return problems
    }
    return ['persons are asked again and again']
  }

  /** What nobody has any more does not come back: persons see that, and let it go. */
  async #giveUp(): Promise<void> {
    for (const device of this.#world.devices) await this.answer(device, 'approve')
  }

  /** What is to be there after a rejection: of what this disk has lost what the others have, else what is here. */
  #keptFor(device: WorldDevice): ReadonlyMap<string, string> | null {
    // What is being put back, of what waited before, is there only by and by.
    const [held, ...more] = device.replica.view.status().held
    if (held === undefined || more.length > 0) return null
    // Where more is on its way than what waits, that takes its place whatever the answer is.
    const { problems, needed } = device.replica.view.status()
    const isOut = held.direction === 'outgoing'
    if (problems.length > 0 || needed.files > (isOut ? 0 : held.files)) return null
    // Not while others have changes that wait, are being undone or have not been looked at.
    const others = this.#world.devices.filter((other) => other !== device)
    const roots = new Set(others.map(restingRoot))
    if (roots.has(null)) return null
    if (!isOut) return device.tree()
    // Nor while they do not agree.
    return roots.size === 1 ? others[0]!.tree() : null
  }
}

function restingRoot({ replica }: WorldDevice): string | null {
  const { busy, neededFiles, root } = replica.state()
  return replica.view.status().held.length > 0 || busy || neededFiles > 0 ? null : root.join()
}

/** Something is to come back, and that nobody has it is not what it waits for. */
function isStuck({ replica }: WorldDevice): boolean {
  const { held, problems } = replica.view.status()
  const isLost = problems.some(({ reason }) => reason.includes('no connected device has all of this file'))
  return held.some(({ restoring }) => restoring) && !isLost
}

function waiting({ replica }: WorldDevice): readonly HeldChanges[] {
  return replica.view.status().held.filter(({ restoring }) => !restoring)
}

function missingOf(expected: ReadonlyMap<string, string>, device: WorldDevice): string[] {
  const tree = device.tree()
  // Who has put a folder where a file was that waits has replaced it: what is in the folder has been told.
  const isReplaced = (path: string): boolean => tree.get(path)?.startsWith('folder') === true
  const missing = [...expected].filter(
    ([path, what]) => what.startsWith('file') && tree.get(path) !== what && !isReplaced(path),
  )
  return missing.map(([path, what]) => `rejected, and ${path} at ${device.name} is not ${what.slice(0, 60)}`)
}
