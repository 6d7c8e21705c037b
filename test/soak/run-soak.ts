import { checkRest, type RestReport } from './check-rest.ts'
import { comeToRest } from './come-to-rest.ts'
import { LogWatch } from './log-watch.ts'
import { SoakWorld, type Pace, type SoakWorldOptions } from './soak-world.ts'

export interface SoakOptions extends SoakWorldOptions {
  readonly pace: Pace
  /** Work and trouble before each time of rest. */
  readonly operationsPerPeriod: number
  /** Asked after each period but the last, with how many there were. */
  readonly goesOn: (periods: number) => boolean
  /** Nodes that are not in sync after this are a failure. */
  readonly restMsMax: number
  /** Gets a line for each period. */
  readonly say: (line: string) => void
}

export interface SoakResult {
  /** None when all is well. */
  readonly problems: readonly string[]
  readonly periods: number
  readonly operations: number
  readonly faults: number
  /** What the nodes warned of, and how often. */
  readonly warnings: ReadonlyMap<string, number>
}

const memoryMiBMax = 600
const handlesMax = 250
const periodsPerClearance = 5

/**
 * Real nodes on hosts of their own through times of work and trouble, each followed by rest, in which what is promised is
 * checked. Ends at the first problem. All that the nodes had is left below `at`.
 */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const world = await SoakWorld.open(options)
  const logs = new LogWatch(world.nodes)
  const problems: string[] = []
  let periods = 0
  try {
    do {
      problems.push(...(await onePeriod(world, logs, options, ++periods)))
      if (periods % periodsPerClearance === 0 && problems.length === 0) world.clearHistories()
    } while (problems.length === 0 && options.goesOn(periods))
  } catch (error) {
    problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  problems.push(...(await world.close()), ...logs.problems())
  const { operations, faults } = world
  return { problems, periods, operations, faults: faults.length, warnings: logs.warnings }
}

async function onePeriod(world: SoakWorld, logs: LogWatch, options: SoakOptions, period: number): Promise<string[]> {
  const [faultsBefore, beganMs] = [world.faults.length, performance.now()]
  await world.trouble(options.operationsPerPeriod, options.pace)
  world.note({ rest: period })
  const restBeganMs = performance.now()
  const problems = [...(await comeToRest(world, options.restMsMax)), ...logs.problems()]
  const report = problems.length === 0 ? checkRest(world.nodes, world.ledger) : null
  const uses: string[] = []
  for (const node of world.nodes) {
    const { memoryMiB, handles } = node.resources()
    uses.push(`${node.name} ${memoryMiB} MiB ${handles} handles`)
    if (memoryMiB > memoryMiBMax || handles > handlesMax) problems.push(`too much: ${uses.at(-1)}`)
    if (node.unexpectedEnd !== null) problems.push(`${node.name} ${node.unexpectedEnd}`)
  }
  const [trouble, rest] = [restBeganMs - beganMs, performance.now() - restBeganMs]
  const faults = world.faults.slice(faultsBefore).join(', ')
  const found = report === null ? '' : `${reportText(report)}; `
  options.say(
    `period ${period}: ${world.operations} operations so far, ${world.approvals} approvals; trouble for ${seconds(trouble)} ` +
      `(${faults}); at rest after ${seconds(rest)}; ${found}${uses.join(', ')}`,
  )
  world.note({ atRest: period, ...report })
  return [...problems, ...(report?.problems ?? [])]
}

function reportText({ files, conflictCopies, onlyInHistory, remains }: RestReport): string {
  return `${files} files, ${conflictCopies} conflicted copies, ${onlyInHistory.length} contents only in history, ${remains} remains`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
