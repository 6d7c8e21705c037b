import { Command } from 'commander'
import type { DefineCommand } from './run-cli.ts'
import { setPaused, type PauseOptions } from './set-paused.ts'

export const defineResume: DefineCommand = (context) =>
  new Command('resume')
    .description('Goes on with a folder or a device that was paused.')
    .argument('[folder]', 'a folder that is paused (default: all)')
    .option('--peer <device>', 'instead of a folder: a device, by name or id')
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON')
    .addHelpText('after', resumeHelp)
    .action(async (folder: string | undefined, options: PauseOptions) => {
      await setPaused({ folder, paused: false }, options, context)
    })

const resumeHelp = `
Examples:
  $ p2psync resume
  $ p2psync resume ./folder
  $ p2psync resume --peer desk`
