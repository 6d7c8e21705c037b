import { Command } from 'commander'
import type { ControlClient } from '../src/control/control-client.ts'
import { P2psyncError } from '../src/model/errors.ts'
import type { ScrubStatus } from '../src/model/scrub-status.ts'
import type { CliContext, CommonOptions } from './cli-context.ts'
import { connectToNode } from './connect-to-node.ts'
import { folderPath } from './folder-path.ts'
import { printable } from './printable.ts'
import { exitCodes } from './report-error.ts'
import type { DefineCommand } from './run-cli.ts'
import { scrubText } from './scrub-text.ts'

interface ScrubOptions extends CommonOptions {
  readonly wait?: boolean
  readonly stop?: boolean
}

export const defineScrub: DefineCommand = (context, done) =>
  new Command('scrub')
    .description(
      'Reads all files of a folder again, slowly, and repairs what is damaged on this disk from other devices.',
    )
    .argument('[folder]', 'a folder that is synced (default: all)')
    .option('--wait', 'stay until it is done; the exit code is 1 when something is damaged and could not be repaired')
    .option('--stop', 'end one that is under way')
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON')
    .addHelpText('after', scrubHelp)
    .action(async (folder: string | undefined, options: ScrubOptions) => {
      const { wait = false, stop = false } = options
      if (wait && stop) throw new P2psyncError('usage', '--wait and --stop are given together', { hint: 'Give one.' })
      const client = await connectToNode(options, context)
      const paths =
        folder === undefined
          ? (await client.status()).filter(({ state }) => state !== 'paused').map(({ path }) => path)
          : [await folderPath(folder, context.workingFolder)]
      const folders: ScrubbedFolder[] = []
      for (const path of paths) folders.push({ path, scrub: await client.scrub(path, stop ? 'stop' : 'start') })
      const seen = wait ? await untilDone(client, folders, context) : folders
      if (options.json === true) context.stdout.write(`${JSON.stringify({ folders: seen })}\n`)
      else context.stdout.write(scrubbedText(seen, { wait, stop }))
      if (wait && seen.some(({ scrub }) => scrub.unrepaired.length > 0)) done(exitCodes.failed)
    })

const scrubHelp = `
A file whose bytes changed while its size, times and inode did not is damaged: its disk is at fault, and nobody has edited it.
It is set aside in .p2psync/history, and the right bytes come from another device. When none has them the file stays where it is
and status says so. Each month this begins by itself, and gives way to all else.

Examples:
  $ p2psync scrub
  $ p2psync scrub ./folder --wait
  $ p2psync scrub --json --wait | jq '.folders[].scrub.unrepaired'`

interface ScrubbedFolder {
  readonly path: string
  readonly scrub: ScrubStatus
}

async function untilDone(
  client: ControlClient,
  folders: readonly ScrubbedFolder[],
  context: CliContext,
): Promise<readonly ScrubbedFolder[]> {
  for (;;) {
    const status = new Map((await client.status()).map(({ path, scrub }) => [path, scrub]))
    const seen = folders.map(({ path, scrub }) => ({ path, scrub: status.get(path) ?? { ...scrub, running: false } }))
    if (seen.every(({ scrub }) => !scrub.running)) return seen
    await context.clock.sleep(pollMs)
  }
}

const pollMs = 500

function scrubbedText(folders: readonly ScrubbedFolder[], { wait, stop }: { wait: boolean; stop: boolean }): string {
  if (folders.length === 0) return 'No folder is synced; add one: p2psync start <folder>\n'
  const lines: string[] = []
  for (const { path, scrub } of folders) {
    const what = stop ? 'Stopped reading' : wait ? 'Read' : 'Reading'
    lines.push(`${what} ${printable(path)}: ${scrubText(scrub)}`)
    for (const one of scrub.unrepaired) lines.push(`  ${printable(one.path)}: ${printable(one.reason)}`)
  }
  if (!wait && !stop) lines.push('See how far it is: p2psync status')
  return `${lines.join('\n')}\n`
}
