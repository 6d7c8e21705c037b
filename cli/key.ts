import { Command } from 'commander'
import { P2psyncError } from '../src/model/errors.ts'
import type { CliContext, CommonOptions } from './cli-context.ts'
import { connectToNode } from './connect-to-node.ts'
import { folderPath } from './folder-path.ts'
import type { DefineCommand } from './run-cli.ts'

export const defineKey: DefineCommand = (context) =>
  new Command('key')
    .description('Makes a key, or shows the key of a folder. Whoever has it can read and change the folder.')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', keyHelp)
    .addCommand(defineNew(context))
    .addCommand(defineShow(context))

const keyHelp = `
Examples:
  $ p2psync key new > key.txt
  $ p2psync start ./folder --key-file key.txt
  $ p2psync key show ./folder`

function defineNew(context: CliContext): Command {
  return new Command('new')
    .description('Prints a new key, and keeps nothing of it. Needs no node.')
    .helpOption('-h, --help', 'print this help')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  $ (umask 077; p2psync key new > key.txt)')
    .action(async (options: CommonOptions) => {
      const { formatFolderKey } = await import('../src/node/key-text.ts')
      const { systemRandom } = await import('../src/node/system-random.ts')
      writeKey(formatFolderKey(systemRandom.bytes(32)), options, context)
    })
}

function defineShow(context: CliContext): Command {
  return new Command('show')
    .description("Prints a folder's key: alone in a pipe, with a QR code on a terminal.")
    .helpOption('-h, --help', 'print this help')
    .argument('<folder>', 'a folder that is synced')
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ p2psync key show ./folder\n  $ p2psync key show ./folder | ssh laptop tee key.txt',
    )
    .action(async (folder: string, options: CommonOptions) => {
      const key = await readKey(await folderPath(folder, context.workingFolder), options, context)
      if (context.stdout.isTTY === true && options.json !== true) {
        const { renderUnicodeCompact } = await import('uqr')
        // Upper case is what a QR code packs tightest, and means the same.
        context.stdout.write(`${renderUnicodeCompact(key.toUpperCase())}\n\n`)
      }
      writeKey(key, options, context)
    })
}

function writeKey(key: string, options: CommonOptions, context: CliContext): void {
  context.stdout.write(`${options.json === true ? JSON.stringify({ key }) : key}\n`)
}

// The stored key can be shown without a node too.
async function readKey(path: string, options: CommonOptions, context: CliContext): Promise<string> {
  const client = await connectToNode(options, context)
  try {
    return await client.folderKey(path)
  } catch (error) {
    if (!(error instanceof P2psyncError) || error.code !== 'no-node') throw error
    const stored = await readStoredKey(path, options, context)
    if (stored === null) throw error
    return stored
  }
}

async function readStoredKey(path: string, options: CommonOptions, context: CliContext): Promise<string | null> {
  const { folderState, homeAt, resolveHome } = await import('../src/node/home.ts')
  const { loadSettings } = await import('../src/node/node-settings.ts')
  const { loadFolderKey } = await import('../src/node/folder-key-file.ts')
  const home = homeAt(resolveHome(options.home, context.environment))
  const known = (await loadSettings(home)).folders.find((folder) => folder.path === path)
  return known === undefined ? null : loadFolderKey(folderState(home, known.id))
}
