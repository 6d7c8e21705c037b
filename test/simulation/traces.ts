import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { makeSchedule } from './make-schedule.ts'
import { runSchedule } from './run-schedule.ts'
import { profileOf } from './schedule.ts'

const script = fileURLToPath(new URL('../../scripts/simulate.ts', import.meta.url))

/** What each of these seeds did, a line a seed: its number and the hash of all that happened. */
export async function tracesOf({ seed, runs }: { seed: number; runs: number }): Promise<string> {
  let lines = ''
  for (let next = seed; next < seed + runs; next++) {
    const { trace } = await runSchedule(makeSchedule(next, profileOf(next)), { traced: true })
    lines += `${next} ${trace}\n`
  }
  return lines
}

/** {@link tracesOf} in a process of its own. */
export async function tracesElsewhere({ seed, runs }: { seed: number; runs: number }): Promise<string> {
  const options = ['--traces', '--seed', String(seed), '--runs', String(runs)]
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...options])
  return stdout
}
