import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { inCi } from '../in-ci.ts'

const [schedules, cases] = [20_000, 200_000]
const why = inCi ? '' : ' (skipped: runs in CI; here: npm run simulate)'
const repository = fileURLToPath(new URL('../..', import.meta.url))

describe.skipIf(!inCi)(`many schedules from seeds${why}`, () => {
  it(
    'none fails, nor does a case of deciding, of planning steps or of planning a fetch',
    { timeout: 3_600_000 },
    async () => {
      const script = ['scripts/simulate.ts', '--runs', `${schedules}`, '--cases', `${cases}`, '--workers', '1']
      const { stderr } = await promisify(execFile)(process.execPath, script, { cwd: repository, maxBuffer: 2 ** 30 })
      for (const name of ['reconcileProblem', 'planProblem', 'fetchProblem'])
        expect(stderr).toContain(`${cases} cases of ${name}, 0 failed`)
      expect(stderr).toMatch(new RegExp(`${schedules} of ${schedules} schedules, \\d+/s, 0 failed \n$`, 'u'))
    },
  )
})
