import { Command } from 'commander'
import { P2psyncError } from '../src/model/errors.ts'
import { defaultGuard, isGuardLimits, type GuardLimits } from '../src/model/guard-limits.ts'
import type { FolderStatus } from '../src/node/node-api.ts'
import { countText } from './amounts.ts'
import type { CliContext, CommonOptions } from './cli-context.ts'
import { connectToNode } from './connect-to-node.ts'
import { folderPath, shellWord } from './folder-path.ts'
import { guardText, heldText } from './guard-view.ts'
import { printable } from './printable.ts'
import type { DefineCommand } from './run-cli.ts'

interface GuardCommandOptions extends CommonOptions {
  readonly share?: string
  readonly files?: string
  readonly off?: true
}

export const defineGuard: DefineCommand = (context) =>
  new Command('guard')
    .description(
      'Decides about removals and rewrites that a folder holds because they are many, or from how many on it does.',
    )
    .argument('<folder or decision>', 'a folder that is synced; or approve, or reject')
    .argument('[folder]', 'the folder that is decided about (default: the one that waits)')
    .option('--share <percent>', 'hold what removes or rewrites more than this share of the files (default: 50)')
    .option('--files <count>', 'or more than so many files (default: 10000)')
    .option('--off', 'hold nothing')
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON')
    .addHelpText('after', guardHelp)
    .action(async (first: string, second: string | undefined, options: GuardCommandOptions) => {
      if (first === 'approve' || first === 'reject') await decide({ decision: first, folder: second }, options, context)
      else if (second === undefined) await showOrChange(first, options, context)
      else {
        throw new P2psyncError('usage', `${printable(first)} is no decision`, {
          hint: 'Decide with approve or reject: p2psync guard approve <folder>',
        })
      }
    })

async function decide(
  { decision, folder }: { readonly decision: 'approve' | 'reject'; readonly folder: string | undefined },
  options: GuardCommandOptions,
  context: CliContext,
): Promise<void> {
  if (changeOf(options) !== null) {
    throw new P2psyncError('usage', `${decision} takes a folder and no limits`, {
      hint: `For example: p2psync guard ${decision} ./folder`,
    })
  }
  const client = await connectToNode(options, context)
  const path =
    folder === undefined
      ? onlyWaiting(await client.status(), decision)
      : await folderPath(folder, context.workingFolder)
  const held = await client.decideHeld(path, decision)
  if (options.json === true) context.stdout.write(`${JSON.stringify({ path, decision, held })}\n`)
  for (const { direction, files } of options.json === true ? [] : held) {
    const back = direction === 'outgoing' ? 'come back from other devices' : 'stay, and are given back to other devices'
    // Their guards know nothing of what was decided here.
    const gone =
      direction === 'outgoing'
        ? 'are told to the other devices as removed or rewritten; where they are many, these ask as well: approve there too'
        : 'are removed or rewritten here'
    const what = decision === 'approve' ? gone : back
    context.stdout.write(`${printable(path)}: ${countText(files, 'file')} ${what}\n`)
  }
}

/** The one folder that can be meant. */
function onlyWaiting(folders: readonly FolderStatus[], decision: string): string {
  const waiting = folders.filter(({ held }) => held.length > 0)
  const [first, second] = waiting
  if (first === undefined) {
    throw new P2psyncError('usage', 'nothing waits to be decided', { hint: 'See what does: p2psync status' })
  }
  if (second === undefined) return first.path
  throw new P2psyncError('usage', `${waiting.length} folders wait to be decided about`, {
    hint: `Say which: p2psync guard ${decision} ${shellWord(first.path)}`,
  })
}

async function showOrChange(folder: string, options: GuardCommandOptions, context: CliContext): Promise<void> {
  const change = changeOf(options)
  const client = await connectToNode(options, context)
  const path = await folderPath(folder, context.workingFolder)
  const find = async () => (await client.status()).find((status) => status.path === path)
  const before = await find()
  if (change !== null) await client.setGuard(path, limitsAfter(before?.guard ?? null, change))
  const status = await find()
  if (status === undefined) {
    throw new P2psyncError('folder-unknown', `${path} is not synced by this node`, {
      hint: 'See the folders that are: p2psync status',
    })
  }
  const { guard, held } = status
  if (options.json === true) context.stdout.write(`${JSON.stringify({ path, guard, held })}\n`)
  else {
    context.stdout.write(`${printable(path)}: ${guardText(guard)}\n`)
    for (const changes of held) context.stdout.write(`  ${heldText(changes, context.clock.now())}\n`)
  }
}

type Change = { readonly sharePercent?: number; readonly files?: number } | 'off'

function changeOf({ share, files, off }: GuardCommandOptions): Change | null {
  if (share === undefined && files === undefined) return off === true ? 'off' : null
  if (off === true) {
    throw new P2psyncError('usage', '--off is given together with a limit', { hint: 'Give one of them.' })
  }
  return {
    ...(share === undefined ? {} : { sharePercent: Number(share.replace(/%$/, '')) }),
    ...(files === undefined ? {} : { files: Number(files) }),
  }
}

function limitsAfter(before: GuardLimits, change: Change): GuardLimits {
  if (change === 'off') return null
  const limits = { ...(before ?? defaultGuard!), ...change }
  if (isGuardLimits(limits)) return limits
  throw new P2psyncError('usage', 'the limits are no numbers that can be', {
    hint: 'A share is 1 to 100, files are 1 or more: p2psync guard ./folder --share 50 --files 10000',
  })
}

const guardHelp = `
When more files than that are removed or rewritten within ten minutes, on this disk or by another device, they wait: what is
gone here is told to nobody, what is gone there stays here. Fewer than 20 files never wait, and what moved does not count.
p2psync status says what waits. approve lets exactly that happen; reject brings the files back, here or on the other device.

Examples:
  $ p2psync guard ./folder
  $ p2psync guard approve
  $ p2psync guard reject ./folder
  $ p2psync guard ./folder --share 80 --files 50000
  $ p2psync guard ./folder --off`
