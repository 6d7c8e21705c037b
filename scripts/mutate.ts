import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemCode } from '../src/model/errors.ts'
import { mutations } from '../test/mutations/bank.ts'
import { mutate, type Mutation } from '../test/mutations/mutation.ts'

/**
 * Puts each bug of the bank into a copy of this checkout, one at a time, and runs the tests that have to catch it.
 *
 *   node scripts/mutate.ts [--only NAME[,NAME...]] [--simulated] [--skip-clean]
 *
 * With `--simulated` the random schedules have to catch it, and without names those bugs are tried of which that is known.
 * The tests are run once without a bug first: what fails then says nothing (`--skip-clean` leaves that out). A bug is caught
 * when a test fails, or never ends; one after which a test file cannot even be loaded is no bug but a mistake. Exit code 1
 * when one survives, or does not apply.
 */

interface Outcome {
  readonly verdict: 'caught' | 'survived' | 'broken'
  readonly detail: string
}

const patienceMs = 5 * 60_000
/** Of the tests of all bugs together. */
const cleanPatienceMs = 60 * 60_000
/** Of the runs that are to be repeated. */
const randomSeed = 20_261_120
const copied = ['src', 'test', 'cli', 'bench', 'scripts', 'package.json', 'tsconfig.json', 'vitest.config.ts']

const simulation = 'test/simulation/simulation.test.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    simulated: { type: 'boolean', default: false },
    'skip-clean': { type: 'boolean', default: false },
  },
})
const only = values.only?.split(',') ?? null
const named = mutations.filter(
  ({ name, simulated }) => only?.includes(name) ?? (!values.simulated || simulated === true),
)
const chosen = named.map((mutation) => (values.simulated ? { ...mutation, caughtBy: [simulation] } : mutation))
const unknown = only?.filter((name) => !mutations.some((mutation) => mutation.name === name)) ?? []
if (unknown.length > 0) throw new Error(`no such mutation: ${unknown.join(', ')}`)

const copy = mkdtempSync(join(tmpdir(), 'p2psync-mutate-'))
try {
  for (const name of copied) cpSync(name, join(copy, name), { recursive: true })
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'))
  if (!(values['skip-clean'] || isCleanWithout(chosen)) || !areAllCaught(chosen)) process.exitCode = 1
} finally {
  rmSync(copy, { recursive: true, force: true })
}

/** True when the tests that are to catch something pass as long as there is nothing to catch. */
function isCleanWithout(wanted: readonly Mutation[]): boolean {
  const clean = runOnce({ caughtBy: [...new Set(wanted.flatMap(({ caughtBy }) => caughtBy))] }, [], cleanPatienceMs)
  if (clean.verdict === 'survived') return true
  console.log(`not clean without any bug: ${clean.detail}`)
  return false
}

function areAllCaught(wanted: readonly Mutation[]): boolean {
  let caught = 0
  for (const mutation of wanted) {
    const startedMs = performance.now()
    const { verdict, detail } = tryOne(mutation)
    if (verdict === 'caught') caught++
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    console.log(`${verdict.padEnd(8)} ${mutation.name} (${seconds} s): ${detail}`)
  }
  console.log(`${caught} of ${wanted.length} caught`)
  return caught === wanted.length
}

function tryOne(mutation: Mutation): Outcome {
  const path = join(copy, mutation.file)
  const source = readFileSync(path, 'utf8')
  const mutated = mutate(source, mutation)
  if (mutated === null) return { verdict: 'broken', detail: `its text does not occur once in ${mutation.file}` }
  writeFileSync(path, mutated)
  try {
    return runTests(mutation)
  } finally {
    writeFileSync(path, source)
  }
}

/** One that ends at the first failure says now and then only that there was one: then all of it is run. */
function runTests(tests: Pick<Mutation, 'caughtBy' | 'randomRuns'>): Outcome {
  const outcome = runOnce(tests, ['--bail=1'])
  return outcome.verdict === 'broken' ? runOnce(tests, []) : outcome
}

function runOnce(
  { caughtBy, randomRuns }: Pick<Mutation, 'caughtBy' | 'randomRuns'>,
  options: readonly string[],
  timeout = patienceMs,
): Outcome {
  const report = join(copy, 'report.json')
  rmSync(report, { force: true })
  const random =
    randomRuns === undefined ? {} : { P2PSYNC_RANDOM_RUNS: String(randomRuns), P2PSYNC_RANDOM_SEED: String(randomSeed) }
  const args = ['run', ...caughtBy, ...options, '--maxWorkers=1', '--reporter=json', `--outputFile=${report}`]
  const run = spawnSync(process.execPath, [join('node_modules', 'vitest', 'vitest.mjs'), ...args], {
    cwd: copy,
    encoding: 'utf8',
    env: { ...process.env, ...random },
    timeout,
  })
  // It may end in its own way when it is told to.
  const isOver = run.signal !== null || systemCode(run.error) === 'ETIMEDOUT'
  if (isOver) return { verdict: 'caught', detail: 'the tests do not end' }
  if (run.status === 0) return { verdict: 'survived', detail: caughtBy.join(' ') }
  const failed = failedTest(report)
  return failed === null
    ? { verdict: 'broken', detail: run.stderr.slice(0, 2000) }
    : { verdict: 'caught', detail: failed }
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

/** The first test that failed; null when none did, though the run as a whole has. */
function failedTest(report: string): string | null {
  let read: Report
  try {
    read = JSON.parse(readFileSync(report, 'utf8')) as Report
  } catch {
    return null
  }
  const results = read.testResults.flatMap((file) => file.assertionResults)
  return results.find(({ status }) => status === 'failed')?.fullName ?? null
}
