import { Command } from 'commander'
import type { ControlClient } from '../src/control/control-client.ts'
import { P2psyncError } from '../src/model/errors.ts'
import { isScrubAction, scrubDaysMax, type ScrubAction, type ScrubStatus } from '../src/model/scrub-status.ts'
import type { CliContext, CommonOptions } from './cli-context.ts'
import { countText } from './amounts.ts'
import { connectToNode } from './connect-to-node.ts'
import { folderPath } from './folder-path.ts'
import { printable } from './printable.ts'
import { exitCodes } from './report-error.ts'
import type { DefineCommand } from './run-cli.ts'
import { scrubText } from './scrub-text.ts'

interface ScrubOptions extends CommonOptions {
  readonly wait?: boolean
  readonly stop?: boolean
  readonly every?: string
}

export const defineScrub: DefineCommand = (context, done) =>
  new Command('scrub')
    .description(
      'Reads all files of a folder again, slowly, and repairs what is damaged on this disk from other devices.',
    )
    .argument('[folder]', 'a folder that is synced (default: all)')
    .option('--wait', 'stay until it is done; the exit code is 1 when something is damaged and could not be repaired')
    .option('--stop', 'end one that is under way')
    .option('--every <days>', 'begin by itself after so many days (default: 30), 0 never; nothing begins now')
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON')
    .addHelpText('after', scrubHelp)
    .action(async (folder: string | undefined, options: ScrubOptions) => {
      const { wait = false, stop = false, every } = options
      const action = chosenAction({ wait, stop, every })
      const client = await connectToNode(options, context)
      const paths =
        folder === undefined
          ? (await client.status()).filter(({ state }) => state !== 'paused').map(({ path }) => path)
          : [await folderPath(folder, context.workingFolder)]
      const folders: ScrubbedFolder[] = []
      for (const path of paths) folders.push({ path, scrub: await client.scrub(path, action) })
      const seen = wait ? await untilDone(client, folders, context) : folders
      if (options.json === true) context.stdout.write(`${JSON.stringify({ folders: seen })}\n`)
      else context.stdout.write(scrubbedText(seen, { wait, action }))
      if (wait && seen.some(({ scrub }) => scrub.unrepaired.length > 0)) done(exitCodes.failed)
    })

const scrubHelp = `
A file whose bytes changed while its size, times and inode did not is damaged: its disk is at fault, and nobody has edited it.
It is set aside in .p2psync/history, and the right bytes come from another device. When none has them the file stays where it is
and status says so. Each month this begins by itself, and gives way to all else.

Examples:
  $ p2psync scrub
  $ p2psync scrub ./folder --wait
  $ p2psync scrub ./folder --every 7
  $ p2psync scrub --json --wait | jq '.folders[].scrub.unrepaired'`

function chosenAction({ wait, stop, every }: { wait: boolean; stop: boolean; every: string | undefined }): ScrubAction {
  if ([wait, stop, every !== undefined].filter(Boolean).length > 1) {
    throw new P2psyncError('usage', 'more than one of --wait, --stop and --every is given', {
      hint: 'Give one of them.',
    })
  }
  if (every === undefined) return stop ? 'stop' : 'start'
  const action = { everyDays: /^\d{1,4}$/.test(every) ? Number(every) : -1 }
  if (isScrubAction(action)) return action
  throw new P2psyncError('usage', `"${every}" is no number of days`, {
    hint: `Give a number from 0 to ${scrubDaysMax}.`,
  })
}

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

function scrubbedText(
  folders: readonly ScrubbedFolder[],
  { wait, action }: { wait: boolean; action: ScrubAction },
): string {
  if (folders.length === 0) return 'No folder is synced; add one: p2psync start <folder>\n'
  const lines: string[] = []
  for (const { path, scrub } of folders) {
    if (typeof action === 'object') {
      const { everyDays } = scrub
      const when = everyDays === 0 ? 'never by itself' : `by itself every ${countText(everyDays, 'day')}`
      lines.push(`${printable(path)} is read again ${when}`)
      continue
    }
    const what = action === 'stop' ? 'Stopped reading' : wait ? 'Read' : 'Reading'
    lines.push(`${what} ${printable(path)}: ${scrubText(scrub)}`)
    for (const one of scrub.unrepaired) lines.push(`  ${printable(one.path)}: ${printable(one.reason)}`)
  }
  if (!wait && action === 'start') lines.push('See how far it is: p2psync status')
  return `${lines.join('\n')}\n`
}
