import { Command } from 'commander'
import type { CommonOptions } from './cli-context.ts'
import { connectToNode } from './connect-to-node.ts'
import { folderPath } from './folder-path.ts'
import { printable } from './printable.ts'
import type { DefineCommand } from './run-cli.ts'

export const defineRemove: DefineCommand = (context) =>
  new Command('remove')
    .description('Stops syncing a folder on this device. Its files stay, here and on every other device.')
    .argument('<folder>', 'a folder that is synced')
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  $ p2psync remove ./folder')
    .action(async (folder: string, options: CommonOptions) => {
      const path = await folderPath(folder, context.workingFolder)
      const client = await connectToNode(options, context)
      await client.removeFolder(path)
      const text = `No longer syncing ${printable(path)}; its files stay.`
      context.stdout.write(`${options.json === true ? JSON.stringify({ removed: path }) : text}\n`)
    })
