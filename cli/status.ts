import { Command } from 'commander'
import type { ControlClient } from '../src/control/control-client.ts'
import type { FolderStatus, NodeInfo } from '../src/node/node-api.ts'
import { P2psyncError } from '../src/model/errors.ts'
import type { CliContext, CommonOptions } from './cli-context.ts'
import { connectToNode } from './connect-to-node.ts'
import { folderPath } from './folder-path.ts'
import type { DefineCommand } from './run-cli.ts'
import { statusText, watchText } from './status-view.ts'

interface StatusOptions extends CommonOptions {
  readonly watch?: boolean
}

export const defineStatus: DefineCommand = (context) =>
  new Command('status')
    .description('Shows each folder: state, what it holds, what is still needed, conflicts, problems, the last change.')
    .argument('[folder]', 'this folder only')
    .option('--watch', 'stay and show changes as they happen; Ctrl-C ends it')
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON; with --watch one object a line')
    .addHelpText('after', statusHelp)
    .action(async (folder: string | undefined, options: StatusOptions) => {
      const client = await connectToNode(options, context)
      const path = folder === undefined ? null : await folderPath(folder, context.workingFolder)
      if (options.watch === true) return watch({ client, path, json: options.json === true, context })
      const [info, folders] = await Promise.all([client.info(), readStatus(client, path)])
      if (options.json === true) context.stdout.write(`${JSON.stringify({ folders })}\n`)
      else context.stdout.write(statusText(info, folders, context.clock.now()))
    })

const statusHelp = `
"in sync" is said only when this device holds, on its disk, all that the connected devices have.

Examples:
  $ p2psync status
  $ p2psync status ./folder --watch
  $ p2psync status --json | jq '.folders[] | {path, state}'`

interface WatchInput {
  readonly client: ControlClient
  readonly path: string | null
  readonly json: boolean
  readonly context: CliContext
}

async function watch(input: WatchInput): Promise<void> {
  const { client, context } = input
  const ended = new AbortController()
  const forget = context.onSignal(() => ended.abort())
  const live = !input.json && context.stdout.isTTY === true
  try {
    const info = await client.info()
    let shown = ''
    while (!ended.signal.aborted) {
      const folders = await readStatus(client, input.path)
      const text = input.json ? `${JSON.stringify({ folders })}\n` : renderWatch(info, folders, live, context)
      if (text !== shown) context.stdout.write(live ? redraw(shown, text) : text)
      shown = text
      await context.clock.sleep(live ? redrawEveryMs : lineEveryMs, ended.signal).catch(() => undefined)
    }
  } finally {
    forget()
  }
}

const redrawEveryMs = 400
const lineEveryMs = 1000

function renderWatch(info: NodeInfo, folders: readonly FolderStatus[], live: boolean, context: CliContext): string {
  return live ? statusText(info, folders, context.clock.now(), context.stdout.columns) : watchText(folders)
}

function redraw(shown: string, text: string): string {
  const up = shown.split('\n').length - 1
  return `${up > 0 ? `\u001B[${up}A` : ''}\r\u001B[J${text}`
}

async function readStatus(client: ControlClient, path: string | null): Promise<readonly FolderStatus[]> {
  const folders = await client.status()
  if (path === null) return folders
  const found = folders.filter((folder) => folder.path === path)
  if (found.length > 0) return found
  throw new P2psyncError('folder-unknown', `${path} is not synced by this node`, {
    hint: 'See p2psync status for the folders that are, or add it: p2psync start <folder>.',
  })
}
