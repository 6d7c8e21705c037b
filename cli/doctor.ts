import { Command } from 'commander'
import type { Finding } from '../src/doctor/finding.ts'
import type { CliContext, CommonOptions } from './cli-context.ts'
import { countText } from './amounts.ts'
import { folderPath } from './folder-path.ts'
import { printable } from './printable.ts'
import { exitCodes } from './report-error.ts'
import type { DefineCommand } from './run-cli.ts'

export const defineDoctor: DefineCommand = (context, done) =>
  new Command('doctor')
    .description(
      'Checks what most often goes wrong, and says what to do. It changes nothing and needs no running node.',
    )
    .argument('[folder]', 'of the folders, this one only; it need not be synced yet')
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON')
    .addHelpText('after', doctorHelp)
    .action(async (folder: string | undefined, options: CommonOptions) => {
      const findings = await diagnoseHome(folder, options, context)
      if (options.json === true) context.stdout.write(`${JSON.stringify({ findings })}\n`)
      else context.stdout.write(doctorText(findings))
      if (findings.some(({ result }) => result === 'problem')) done(exitCodes.failed)
    })

const doctorHelp = `
Checked are: Node.js, the clock, mDNS, inotify, ports, the state directory; and of each folder: permissions, marker, key, index,
locks, other programs, free space, names. The exit code is 1 when there is a problem; warnings do not count.

Examples:
  $ p2psync doctor
  $ p2psync doctor ./folder
  $ p2psync doctor --json | jq '.findings[] | select(.result != "ok")'`

async function diagnoseHome(
  folder: string | undefined,
  options: CommonOptions,
  context: CliContext,
): Promise<readonly Finding[]> {
  const [{ resolveHome }, { diagnose }, { thisHost }] = await Promise.all([
    import('../src/node/home.ts'),
    import('../src/doctor/diagnose.ts'),
    import('../src/doctor/host.ts'),
  ])
  return diagnose({
    home: await folderPath(resolveHome(options.home, context.environment), context.workingFolder),
    folder: folder === undefined ? null : await folderPath(folder, context.workingFolder),
    host: thisHost(() => context.clock.now()),
  })
}

function doctorText(findings: readonly Finding[]): string {
  const lines: string[] = []
  let folder: string | null = null
  for (const finding of findings) {
    if (finding.folder !== folder) lines.push('', printable(finding.folder ?? ''))
    folder = finding.folder
    lines.push(`${marks[finding.result]} ${printable(finding.message)}`)
    if (finding.hint !== '') lines.push(`         ${printable(finding.hint)}`)
  }
  const problems = findings.filter(({ result }) => result === 'problem').length
  const warnings = findings.filter(({ result }) => result === 'warning').length
  lines.push('', `${countText(problems, 'problem')}, ${countText(warnings, 'warning')}`)
  return `${lines.join('\n')}\n`
}

const marks = { ok: 'ok      ', warning: 'warning ', problem: 'PROBLEM ' }
