import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { labProblem } from '../test/lab/lab.ts'
import { runSoak } from '../test/soak/run-soak.ts'

/**
 * Real nodes on hosts of their own (network namespaces), people who work in their folders, and a nemesis that cuts them off,
 * kills and stops them and fills a disk; about every 75 seconds all comes to rest, and what p2psync promises is checked. Needs
 * root, iproute2 and nftables, and a build in dist.
 *
 *     node scripts/soak.ts [--minutes 5] [--nodes 3] [--seed S] [--rate 4] [--keep FOLDER]
 *
 * `--rate` is operations a second, over all nodes. `--keep` keeps folders, homes, logs and the list of operations; so does a
 * failure, after which the exit code is 1.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    nodes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(process.pid) },
    rate: { type: 'string', default: '4' },
    keep: { type: 'string' },
  },
})

const problem = labProblem()
if (problem !== null) {
  console.error(`no soak here: ${problem}`)
  process.exit(2)
}
const beganMs = performance.now()
const minutes = (): number => (performance.now() - beganMs) / 60_000
const at = values.keep === undefined ? mkdtempSync(join(tmpdir(), 'p2psync-soak-')) : resolve(values.keep)
let isAsked = true
process.on('SIGTERM', () => (isAsked = false)).on('SIGINT', () => (isAsked = false))
const operationsPerSecond = Number(values.rate)
console.log(`seed ${values.seed}, ${values.nodes} nodes, ${values.minutes} minutes, everything in ${at}`)

const result = await runSoak({
  seed: Number(values.seed),
  nodes: Number(values.nodes),
  at,
  pace: { operationsPerSecond, faultMs: [3000, 25_000], calmMs: [2000, 25_000] },
  operationsPerPeriod: Math.round(operationsPerSecond * 60),
  goesOn: () => isAsked && minutes() < Number(values.minutes),
  restMsMax: 120_000,
  say: (line) => console.log(`${minutes().toFixed(1)} min, ${line}`),
})

const { problems, periods, operations, faults, warnings } = result
for (const [message, count] of warnings) console.log(`${count} warnings: ${message}`)
console.log(
  `${minutes().toFixed(1)} minutes, ${periods} periods, ${operations} operations, ${faults} faults, seed ${values.seed}`,
)
if (problems.length === 0) console.log('nothing lost')
else console.log(`FAILED, see ${at}:\n${problems.slice(0, 100).join('\n')}`)
if (problems.length === 0 && values.keep === undefined) rmSync(at, { recursive: true, force: true })
process.exitCode = problems.length === 0 ? 0 : 1
