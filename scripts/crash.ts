import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/**
 * Runs the crash tests with more than `npm test` has time for, and prints what came of it. Needs root, strace and
 * e2fsprogs.
 *
 *     node scripts/crash.ts kills [--scenario NAME] [--points N]    each system call of an apply; all by default
 *     node scripts/crash.ts power [--images N] [--seed N]           power cuts; 500 by default
 *     node scripts/crash.ts faults                                  disks that are full, read-only or fail
 */
const usage =
  'usage: node scripts/crash.ts kills [--scenario NAME] [--points N] | power [--images N] [--seed N] | faults'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    scenario: { type: 'string', default: 'all' },
    points: { type: 'string', default: '100000' },
    images: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
  },
})

const repository = fileURLToPath(new URL('..', import.meta.url))
const report = join(tmpdir(), `p2psync-crash-${process.pid}.jsonl`)
const kind = positionals[0] ?? ''
if (!['kills', 'power', 'faults'].includes(kind)) {
  console.error(usage)
  process.exit(2)
}

const { status } = spawnSync('npx', ['vitest', 'run', `test/crash/${kind}`], {
  cwd: repository,
  stdio: 'inherit',
  env: {
    ...process.env,
    CRASH_REPORT: report,
    CRASH_SCENARIO: values.scenario,
    CRASH_POINTS: values.points,
    CRASH_IMAGES: values.images,
    CRASH_SEED: values.seed,
    CRASH_FAULTS: 'yes',
  },
})
console.log(readReport())
rmSync(report, { force: true })
process.exit(status ?? 1)

function readReport(): string {
  try {
    return readFileSync(report, 'utf8')
  } catch {
    return 'nothing was run'
  }
}
