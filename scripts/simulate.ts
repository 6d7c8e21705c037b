import { execFileSync } from 'node:child_process'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { parseArgs } from 'node:util'
import { fetchProblem } from '../test/simulation/fetch-cases.ts'
import { makeSchedule } from '../test/simulation/make-schedule.ts'
import { planProblem } from '../test/simulation/plan-cases.ts'
import { reconcileProblem } from '../test/simulation/reconcile-cases.ts'
import { runSchedule } from '../test/simulation/run-schedule.ts'
import { profileOf, profiles, type Profile, type Schedule } from '../test/simulation/schedule.ts'
import { shrinkSchedule } from '../test/simulation/shrink-schedule.ts'
import { tracesElsewhere, tracesOf } from '../test/simulation/traces.ts'

/**
 * Runs random schedules of users and faults against whole devices in memory, and prints those in which something that
 * p2psync promises did not hold, shrunk, as they belong into test/simulation/seeds.json.
 *   node scripts/simulate.ts [--runs 20000] [--seed 1] [--workers 2] [--profile faults|databases|guard|pair|everyday|taken] [--cases 200000] [--late-saves]
 * With --late-saves a power cut may take what users save. Without a profile they take turns; eight of ten schedules have 3 to 5
 * devices and faults. Before that, so many random cases each of deciding between records, of planning the steps on the disk and
 * of planning a fetch, without any I/O. Exit code 1 when something failed.
 *   node scripts/simulate.ts --twice [--runs 20] [--seed 1]
 * Runs the seeds in two processes, and compares all that happens.
 */
const usualRuns = 20_000
const reportEvery = 25

interface Share {
  readonly first: number
  readonly runs: number
  /** How many of them are taken, by all workers. */
  readonly taken: Int32Array
  readonly profile: Profile | null
  readonly lateSaves: boolean
}

type Report = { readonly done: number } | { readonly failure: Failure }

interface Failure {
  readonly seed: number
  readonly problem: string
  readonly shrunk: Schedule
}

async function runShare(
  { first, runs, taken, profile, lateSaves }: Share,
  report: (report: Report) => void,
): Promise<void> {
  let done = 0
  const { stackTraceLimit } = Error
  for (let i = Atomics.add(taken, 0, 1); i < runs; i = Atomics.add(taken, 0, 1)) {
    const seed = first + i
    // Errors are a part of the play, and their stacks a fifth of what it costs.
    Error.stackTraceLimit = 0
    const made = makeSchedule(seed, profile ?? profileOf(seed))
    const schedule = lateSaves ? { ...made, lateSaves } : made
    const { problem } = await runSchedule(schedule)
    if (problem !== null) {
      Error.stackTraceLimit = stackTraceLimit
      // Of the same checker: another problem may be in a smaller one.
      const kind = problem.split(':', 1)[0]!
      const fails = async (smaller: Schedule): Promise<boolean> =>
        (await runSchedule(smaller)).problem?.startsWith(kind) === true
      const shrunk = await shrinkSchedule(schedule, fails)
      report({ failure: { seed, problem: (await runSchedule(shrunk)).problem ?? problem, shrunk } })
    }
    if (++done % reportEvery === 0) report({ done: reportEvery })
  }
  report({ done: done % reportEvery })
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: '2' },
      profile: { type: 'string' },
      cases: { type: 'string', default: '200000' },
      'late-saves': { type: 'boolean', default: false },
      twice: { type: 'boolean', default: false },
      /** Only prints what the seeds did. */
      traces: { type: 'boolean', default: false },
    },
  })
  const [runs, seed, workers] = [Number(values.runs ?? usualRuns), Number(values.seed), Number(values.workers)]
  if (values.traces) return void process.stdout.write(await tracesOf({ seed, runs }))
  if (values.twice) return compareTwo({ seed, runs: Number(values.runs ?? 20) })
  const profile = profiles.find((name) => name === values.profile) ?? null
  if (values.profile !== undefined && profile === null) throw new Error(`--profile is one of ${profiles.join(', ')}`)
  let failures = tryCases(Number(values.cases))
  let done = 0
  const beganAt = performance.now()
  const onReport = (report: Report): void => {
    if ('failure' in report) {
      failures++
      printFailure(report.failure)
      return
    }
    done += report.done
    const perSecond = done / ((performance.now() - beganAt) / 1000)
    process.stderr.write(`\r${done} of ${runs} schedules, ${perSecond.toFixed(0)}/s, ${failures} failed `)
  }
  // Each takes the next seed: the profile that costs most has even ones only.
  const taken = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const share: Share = { first: seed, runs, taken, profile, lateSaves: values['late-saves'] }
  await Promise.all(Array.from({ length: workers }, () => inWorker(share, onReport)))
  process.stderr.write('\n')
  process.exitCode = failures === 0 ? 0 : 1
}

function tryCases(cases: number): number {
  let failures = 0
  for (const problemOf of [reconcileProblem, planProblem, fetchProblem]) {
    let failed = 0
    for (let seed = 0; seed < cases; seed++) {
      const problem = problemOf(seed)
      if (problem === null) continue
      failed++
      console.log(`${problemOf.name} ${seed}: ${problem}`)
    }
    process.stderr.write(`${cases} cases of ${problemOf.name}, ${failed} failed\n`)
    failures += failed
  }
  return failures
}

async function compareTwo(seeds: { seed: number; runs: number }): Promise<void> {
  const [one, other] = await Promise.all([tracesElsewhere(seeds), tracesElsewhere(seeds)])
  const differ = one.split('\n').filter((line, i) => line !== other.split('\n')[i])
  for (const line of differ) console.log(`another process did something else: seed ${line}`)
  process.stderr.write(`${seeds.runs} seeds in two processes, ${differ.length} differ\n`)
  process.exitCode = differ.length === 0 && one !== '' ? 0 : 1
}

function inWorker(share: Share, onReport: (report: Report) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: share })
    worker.on('message', onReport)
    worker.on('error', reject)
    worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))))
  })
}

function printFailure({ seed, problem, shrunk }: Failure): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  console.log(`\nseed ${seed} (${shrunk.profile}) at ${commit}: ${problem.slice(0, 2000)}`)
  console.log(JSON.stringify({ name: problem.split('\n')[0]!.slice(0, 80), schedule: shrunk }))
}

if (isMainThread) await main()
else await runShare(workerData as Share, (report) => parentPort!.postMessage(report, []))
