import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/**
 * Runs the crash tests with more than `npm test` has time for, and prints what came of it. `kills` needs a C compiler,
 * the others need root, strace and e2fsprogs.
 *
 *     node scripts/crash.ts kills [--scenario NAME] [--mode apply|recovery] [--points N]
 *                                                     each call of an apply and of the start after a kill; all by default
 *     node scripts/crash.ts power [--images N] [--seed N]           power cuts; 500 by default
 *     node scripts/crash.ts faults                                  disks that are full, read-only or fail
 */
const usage =
  'usage: node scripts/crash.ts kills [--scenario NAME] [--mode apply|recovery] [--points N] | power [--images N] [--seed N] | faults'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    scenario: { type: 'string', default: 'all' },
    mode: { type: 'string', default: 'all' },
    points: { type: 'string', default: '100000' },
    images: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
  },
})

const repository = fileURLToPath(new URL('..', import.meta.url))
const report = join(tmpdir(), `p2psync-crash-${process.pid}.jsonl`)
const files = { kills: 'every-call', power: 'power', faults: 'fault' }
const kind = positionals[0] ?? ''
if (!isKind(kind)) {
  console.error(usage)
  process.exit(2)
}

console.log(`what is done so far is in ${report}`)
const { status } = spawnSync('npx', ['vitest', 'run', `test/crash/${files[kind]}`], {
  cwd: repository,
  stdio: 'inherit',
  env: {
    ...process.env,
    CRASH_REPORT: report,
    CRASH_SCENARIO: values.scenario,
    CRASH_MODE: values.mode,
    CRASH_POINTS: values.points,
    CRASH_IMAGES: values.images,
    CRASH_SEED: values.seed,
    CRASH_FAULTS: 'yes',
  },
})
const lines = readReport()
for (const line of lines) console.log(JSON.stringify(line))
console.log(`${kind}: ${summary(lines)}`)
rmSync(report, { force: true })
process.exit(status ?? 1)

interface ReportLine {
  readonly name: string
  readonly mode?: string
  readonly crashed: number
  readonly missed: number
  readonly failures: readonly string[]
}

function readReport(): readonly ReportLine[] {
  try {
    const text = readFileSync(report, 'utf8').trim()
    const all = text.split('\n').map((line) => JSON.parse(line) as Partial<ReportLine>)
    return all.filter((line): line is ReportLine => line.crashed !== undefined)
  } catch {
    return []
  }
}

function summary(all: readonly ReportLine[]): string {
  const scenarios = new Set(all.map(({ name }) => name)).size
  const sum = (of: (line: ReportLine) => number): number => all.reduce((total, line) => total + of(line), 0)
  const [crashed, missed] = [sum((line) => line.crashed), sum((line) => line.missed)]
  return `${scenarios} scenarios, ${crashed} points (${missed} came too late), ${sum((line) => line.failures.length)} lost or wrong`
}

function isKind(text: string): text is keyof typeof files {
  return text in files
}
