import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { historyName } from '../../src/node/history-name.ts'
import { readTree, treeDifferences, type Tree } from '../e2e/folder-tree.ts'
import type { NodeProcess } from '../e2e/node-process.ts'
import { settle } from '../e2e/world.ts'
import { KnownVersions, lostFiles } from './known-versions.ts'
import type { Scenario } from './scenarios.ts'

/**
 * Makes the change and, while the receiver applies it, ends the receiver; false when it has come to the end alive, null
 * when that was wanted.
 * `make` makes the change and gives what may be seen from then on.
 */
export type Crash = (make: () => KnownVersions) => Promise<boolean | null>

/** What became of the crashes of one scenario. */
export interface CrashReport {
  crashed: number
  /** It came to its end before. */
  missed: number
  readonly failures: string[]
}

/** Rounds of: both in sync, a change, a crash of the receiver, its start; and what must be true after each. */
export class CrashRounds {
  readonly report: CrashReport = { crashed: 0, missed: 0, failures: [] }
  readonly #sender: NodeProcess
  readonly #receiver: NodeProcess
  #round = 0

  constructor(sender: NodeProcess, receiver: NodeProcess) {
    this.#sender = sender
    this.#receiver = receiver
  }

  /** One round. What is wrong afterwards is put into the report as `name` and what it is. */
  async run(scenario: Scenario, name: string, crash: Crash): Promise<void> {
    try {
      const crashed = await this.#oneRound(scenario, crash)
      if (crashed === true) this.report.crashed++
      if (crashed === false) this.report.missed++
    } catch (error) {
      this.report.failures.push(`${scenario.name}, ${name}: ${(error as Error).message}`)
      for (const node of [this.#sender, this.#receiver]) if (!node.isRunning) await node.start()
    }
  }

  /** Resolves when the receiver has ended, or both say that they are in sync and are. @throws when `look` finds something. */
  async untilDeadOrSettled(look: () => readonly string[]): Promise<void> {
    const deadline = performance.now() + 20_000
    for (let turn = 1; this.#receiver.isRunning; turn++) {
      expectNone('in the middle', look())
      await sleep(lookEveryMs)
      if (turn % 10 === 0 && (await this.#isSettled())) return
      if (performance.now() > deadline) throw new Error('neither dead nor in sync in 20 s')
    }
  }

  async #oneRound(scenario: Scenario, crash: Crash): Promise<boolean | null> {
    this.#round++
    scenario.before(this.#sender.folder, this.#round)
    const before = await settle([this.#sender, this.#receiver], { expected: readTree(this.#sender.folder) })
    const since = historyName(Date.now())
    const [sender, receiver] = [this.#sender.folder, this.#receiver.folder]
    let after: readonly Tree[] = []
    let versions: KnownVersions | null = null
    const crashed = await crash(() => {
      scenario.change({ sender, receiver }, this.#round)
      after = scenario.conflicts === true ? [readTree(sender), readTree(receiver)] : [readTree(sender)]
      versions = new KnownVersions(receiver, [before, ...after], { leavesGap: scenario.leavesGap === true })
      return versions
    })
    expectNone('after the crash', versions!.problems())
    if (crashed === true) {
      await this.#receiver.stop()
      await this.#receiver.start()
    }
    if (scenario.conflicts === true) await this.#settleConflict(after)
    else {
      await settle([this.#sender, this.#receiver], { expected: after[0]! })
      expectNone('lost', lostFiles(receiver, before, since))
    }
    const left = readdirSync(join(receiver, '.p2psync')).filter((name) => !privateNames.has(name))
    expectNone('left in .p2psync', left)
    const damaged = readdirSync(this.#receiver.home, { recursive: true }).map(String)
    expectNone(
      'set aside',
      damaged.filter((name) => name.includes('.damaged-')),
    )
    const problem = scenario.problemAfter?.(receiver) ?? ''
    expectNone('in the end', problem === '' ? [] : [problem])
    return crashed
  }

  /** Every version that somebody made is at some path in the end, on both. */
  async #settleConflict(versions: readonly Tree[]): Promise<void> {
    const wanted = new Set(versions.flatMap((tree) => [...tree.values()].map(({ text }) => text)))
    const holdsAll = (): boolean => {
      const texts = new Set([...readTree(this.#receiver.folder).values()].map(({ text }) => text))
      return [...wanted].every((text) => texts.has(text))
    }
    await this.#receiver.until(holdsAll, 'both versions')
    const tree = await settle([this.#sender, this.#receiver])
    if (!holdsAll() || tree.size !== 2) throw new Error(`not one copy for the loser: ${[...tree.keys()].join()}`)
  }

  async #isSettled(): Promise<boolean> {
    for (const node of [this.#sender, this.#receiver]) {
      const status = await node.status()
      if (status?.state !== 'in-sync') return false
    }
    return treeDifferences(readTree(this.#sender.folder), readTree(this.#receiver.folder)).length === 0
  }
}

function expectNone(what: string, lines: readonly string[]): void {
  if (lines.length > 0) throw new Error(`${what}: ${lines.join('; ')}`)
}

/** More often takes time from the nodes. */
const lookEveryMs = 3
const privateNames = new Set(['folder.json', 'history', 'lock', 'staging'])
