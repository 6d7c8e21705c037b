import { Command } from 'commander'
import type { EntryChange } from '../src/manifest/pair-renames.ts'
import { isoTime } from '../src/manifest/encode-manifest.ts'
import { P2psyncError } from '../src/model/errors.ts'
import { countText } from './amounts.ts'
import type { CliContext, CommonOptions } from './cli-context.ts'
import { folderPath } from './folder-path.ts'
import { printable } from './printable.ts'
import type { DefineCommand } from './run-cli.ts'
import { TextOutput } from './text-output.ts'

export const defineWatch: DefineCommand = (context) =>
  new Command('watch')
    .description('Prints each change in a folder as it happens, until Ctrl-C. Needs no node.')
    .argument('<folder>', 'any folder, synced or not')
    .option('--json', 'print JSON, one object a line')
    .addHelpText('after', watchHelp)
    .action(async (folder: string, options: CommonOptions) => {
      await watch(await folderPath(folder, context.workingFolder), options.json === true, context)
    })

const watchHelp = `
A line is: created, modified, deleted or moved; file, folder or link; the path below the folder ("old -> new" if moved).
A folder that moved is one line, a file that an editor saves as a new one is modified. What is written without a pause is
modified again and again. .p2psync is not shown.

Examples:
  $ p2psync watch ./folder
  $ p2psync watch ./folder --json | jq -r 'select(.event == "deleted") | .path'`

async function watch(folder: string, json: boolean, context: CliContext): Promise<void> {
  const { openWatch } = await import('../src/manifest/open-watch.ts')
  const output = new TextOutput(context.stdout)
  const ended = new AbortController()
  const forget = context.onSignal(() => ended.abort())
  const signal = AbortSignal.any([ended.signal, output.ended])
  let isReady = false
  try {
    await openWatch({
      folder,
      clock: context.clock,
      signal,
      onReady: ({ entries }) => {
        isReady = true
        const found = countText(entries, 'entry', 'entries')
        context.stderr.write(`watching ${printable(folder)}: ${found}; Ctrl-C ends it\n`)
      },
      onChanges: async (changes) => {
        const at = new Date(context.clock.now()).toISOString()
        for (let begun = 0; begun < changes.length && !signal.aborted; begun += linesAtOnce) {
          const part = changes.slice(begun, begun + linesAtOnce)
          await output.write(part.map((change) => (json ? jsonLine(change, at) : textLine(change))).join(''))
        }
      },
      onTrouble: ({ reason, hint }) => {
        context.stderr.write(`warning: ${printable(`${reason}. ${hint}`.trimEnd())}\n`)
      },
    })
  } catch (error) {
    const isGone = isReady && error instanceof P2psyncError && error.code === 'folder-missing'
    if (!isGone) throw error
    throw new P2psyncError('folder-missing', `${folder} went away while it was watched`, {
      hint: 'Watch it again when it is back.',
      cause: error,
    })
  } finally {
    forget()
  }
}

const linesAtOnce = 500
const kinds = { file: 'file', folder: 'folder', symlink: 'link' } as const

function textLine({ event, path, from, node }: EntryChange): string {
  const place = event === 'moved' ? `${printable(from)} -> ${printable(path)}` : printable(path)
  return `${event.padEnd(8)} ${kinds[node.disk.kind].padEnd(6)} ${place}\n`
}

function jsonLine({ event, path, from, node }: EntryChange, at: string): string {
  const { kind, sizeBytes, mtimeNs } = node.disk
  const origin = event === 'moved' ? { from } : {}
  // Of what is deleted, the last that was known of it.
  const size = kind === 'file' ? { sizeBytes } : {}
  // A folder's own changes with what is in it, which is told already.
  const time = kind === 'folder' ? {} : { mtime: isoTime(mtimeNs) }
  return `${JSON.stringify({ event, kind: kinds[kind], path, ...origin, ...size, ...time, at })}\n`
}
