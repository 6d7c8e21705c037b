import { appendFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { freshPort, NodeProcess, runCli } from '../e2e/node-process.ts'
import { Scratch } from '../e2e/scratch.ts'
import { settle } from '../e2e/world.ts'
import { inCi } from '../in-ci.ts'
import { CountedCalls, countingProblem } from './counted-calls.ts'
import { CrashRounds, type Crash } from './crash-rounds.ts'
import { scenarios, type Scenario } from './scenarios.ts'

// Too slow for `npm test`: `node scripts/crash.ts kills` says how many points, and CI tries all of one scenario.
const usual = inCi
  ? { points: 100_000, scenario: 'replaced file', mode: 'apply' }
  : { points: 0, scenario: 'all', mode: 'all' }
const pointsMax = Number(process.env['CRASH_POINTS'] ?? usual.points)
const problem = pointsMax === 0 ? 'runs in CI; here: npm run crash -- kills' : countingProblem()
const why = problem === null ? '' : ` (skipped: ${problem})`

const wanted = process.env['CRASH_SCENARIO'] ?? usual.scenario
const wantedMode = process.env['CRASH_MODE'] ?? usual.mode
const reportFile = process.env['CRASH_REPORT']
const reportEvery = 25

/** Where the kills of one run fall. */
type Mode = 'apply' | 'recovery'

const modes: readonly Mode[] = ['apply', 'recovery']
const runs = scenarios
  .filter(({ name }) => wanted === 'all' || name === wanted)
  .flatMap((scenario) => modes.map((mode) => ({ scenario, mode, name: scenario.name })))
  .filter(({ mode }) => wantedMode === 'all' || mode === wantedMode)

describe.skipIf(problem !== null)(`a node that is killed at any call that changes something${why}`, () => {
  it.each(runs)('loses and tears nothing: $name, $mode', { timeout: 36_000_000 }, async ({ scenario, mode }) => {
    await using pair = await KillPair.of()
    const { rounds } = pair
    let calls: readonly string[] = []
    let firstAt = 0
    await rounds.run(scenario, 'no kill', async (make) => {
      await pair.apply(scenario, { killAt: null, make })
      calls = pair.calls
      return null
    })
    if (mode === 'recovery') {
      firstAt = lastPlaced(calls)
      await rounds.run(scenario, 'no second kill', async (make) => {
        await pair.recover(scenario, { firstAt, killAt: null, make })
        calls = pair.calls
        return null
      })
    }
    const points = spread(calls.length, pointsMax)
    try {
      for (const [i, killAt] of points.entries()) {
        const name = `${mode} ${killAt} of ${calls.length}, ${calls[killAt - 1]}`
        const crash: Crash = (make) =>
          mode === 'apply' ? pair.apply(scenario, { killAt, make }) : pair.recover(scenario, { firstAt, killAt, make })
        await rounds.run(scenario, name, crash)
        if (i % reportEvery === 0) note({ progress: `${scenario.name}, ${mode}`, done: i, of: points.length })
      }
    } finally {
      note({ name: scenario.name, mode, calls: calls.length, points: points.length, ...rounds.report })
    }
    expect(rounds.report.failures).toEqual([])
    expect(rounds.report.crashed).toBeGreaterThan(0)
  })
})

interface Kill {
  /** The number of the call, or null for none. */
  readonly killAt: number | null
  readonly make: Parameters<Crash>[0]
}

/** A sender that stays, and a receiver whose calls are counted. */
class KillPair {
  readonly rounds: CrashRounds
  readonly #scratch: Scratch
  readonly #counted: CountedCalls
  readonly #nodes: readonly [NodeProcess, NodeProcess]

  private constructor(scratch: Scratch, counted: CountedCalls, nodes: readonly [NodeProcess, NodeProcess]) {
    this.#scratch = scratch
    this.#counted = counted
    this.#nodes = nodes
    this.rounds = new CrashRounds(...nodes)
  }

  static async of(): Promise<KillPair> {
    const scratch = new Scratch()
    const key = (await runCli(['key', 'new'])).stdout.trim()
    const [portA, portB] = [freshPort(), freshPort()]
    const counted = new CountedCalls(scratch.path, [scratch.at('B'), scratch.at('home-B')])
    const a = new NodeProcess({ scratch, name: 'A', key, port: portA, dials: [portB] })
    const b = new NodeProcess({ scratch, name: 'B', key, port: portB, dials: [portA], prefix: counted.prefix })
    const pair = new KillPair(scratch, counted, [a, b])
    await Promise.all([a.start(), b.start()])
    await settle([a, b])
    // The rounds of one scenario remove and rewrite the same few files again and again.
    for (const node of [a, b]) await node.cli('guard', node.folder, '--off')
    return pair
  }

  /** Without the folders that it is for: a path from the root is longer than what is noted of it. */
  get calls(): readonly string[] {
    return this.#counted.calls.map((call) => call.replace(`${this.#scratch.path}/`, ''))
  }

  /** Kills the receiver while it applies the change, or while it starts and applies it. */
  async apply(scenario: Scenario, { killAt, make }: Kill): Promise<boolean> {
    const [, b] = this.#nodes
    if (scenario.atStart === true) {
      await b.stop()
      const versions = make()
      return this.#start(killAt, () => versions.problems())
    }
    this.#counted.arm(killAt)
    const versions = make()
    await this.rounds.untilDeadOrSettled(() => versions.problems())
    return this.#hasDied(killAt)
  }

  /** Kills it while it applies the change, and once more while it starts after that. */
  async recover(scenario: Scenario, kill: Kill & { readonly firstAt: number }): Promise<boolean> {
    const [, b] = this.#nodes
    let look: () => readonly string[] = () => []
    await this.apply(scenario, {
      killAt: kill.firstAt,
      make: () => {
        const versions = kill.make()
        look = () => versions.problems()
        return versions
      },
    })
    await b.stop()
    return this.#start(kill.killAt, look)
  }

  async #start(killAt: number | null, look: () => readonly string[]): Promise<boolean> {
    const [, b] = this.#nodes
    this.#counted.arm(killAt)
    await b.start().catch((error: unknown) => {
      if (b.isRunning || killAt === null) throw error
    })
    await this.rounds.untilDeadOrSettled(look)
    return this.#hasDied(killAt)
  }

  /** It may have been killed right after it was looked at. */
  async #hasDied(killAt: number | null): Promise<boolean> {
    const [, b] = this.#nodes
    this.#counted.disarm()
    if (killAt === null || this.#counted.count < killAt) return false
    await b.until(() => !b.isRunning, 'the kill').catch(() => undefined)
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop('SIGKILL')))
    this.#counted[Symbol.dispose]()
    this.#scratch[Symbol.dispose]()
  }
}

/** The number of the call after the last one that put something in its place: from there on only the index is behind. */
function lastPlaced(calls: readonly string[]): number {
  const last = calls.findLastIndex(
    (call) => / B\//.test(call) && /^(rename|symlink|chmod|fchmod|unlink|rmdir)/.test(call),
  )
  return Math.max(Math.min(last + 2, calls.length), 1)
}

/** The numbers from 1 to `count`, or `most` of them, evenly spread. */
function spread(count: number, most: number): readonly number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i + 1)
  return Array.from({ length: most }, (_, i) => Math.floor(((i + 0.5) * count) / most) + 1)
}

function note(line: object): void {
  if (reportFile !== undefined) appendFileSync(reportFile, `${JSON.stringify(line)}\n`)
}
