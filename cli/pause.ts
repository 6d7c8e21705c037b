import { Command } from 'commander'
import type { DefineCommand } from './run-cli.ts'
import { setPaused, type PauseOptions } from './set-paused.ts'

export const definePause: DefineCommand = (context) =>
  new Command('pause')
    .description('Lets a folder rest, or leaves a device alone, until it is resumed; also over restarts.')
    .argument('[folder]', 'a folder that is synced (default: all)')
    .option('--peer <device>', 'instead of a folder: a device, by name or id')
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON')
    .addHelpText('after', pauseHelp)
    .action(async (folder: string | undefined, options: PauseOptions) => {
      await setPaused({ folder, paused: true }, options, context)
    })

const pauseHelp = `
A folder that is paused is not scanned, and nothing of it is sent, received or changed. What was half received is kept. A
device that is paused is neither dialled nor let in; other devices may still bring its changes.

Examples:
  $ p2psync pause
  $ p2psync pause ./folder
  $ p2psync pause --peer desk`
