import { Command, Option } from 'commander'
import { P2psyncError } from '../src/model/errors.ts'
import type { CommonOptions } from './cli-context.ts'
import { connectToNode } from './connect-to-node.ts'
import { collect, limitChange } from './limit-options.ts'
import { limitsText } from './limits-view.ts'
import type { DefineCommand } from './run-cli.ts'

interface LimitOptions extends CommonOptions {
  readonly up?: string
  readonly down?: string
  readonly schedule?: readonly string[] | false
}

export const defineLimit: DefineCommand = (context) =>
  new Command('limit')
    .description('Shows how fast this device may send and receive, or changes it, at once and for the next starts.')
    .option(
      '--up <rate>',
      'the most to send, of all devices and folders together: 500KiB, 2MiB, 10MB; none or 0 for no limit',
    )
    .option('--down <rate>', 'the most to receive')
    .addOption(new Option('--schedule <line>', 'other limits at some times; repeatable').argParser(collectLine))
    .addOption(new Option('--no-schedule', 'the same limits at all times').argParser(noLines))
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON; rates are in bytes a second, null is no limit')
    .addHelpText('after', limitHelp)
    .action(async (options: LimitOptions, command: Command) => {
      // Commander says true when neither of the two was given.
      const schedule = command.getOptionValueSource('schedule') === 'cli' ? options.schedule : undefined
      const change = limitChange({ up: options.up, down: options.down, schedule })
      const client = await connectToNode(options, context)
      const limits = Object.keys(change).length === 0 ? await client.limits() : await client.setLimits(change)
      context.stdout.write(options.json === true ? `${JSON.stringify(limits)}\n` : limitsText(limits))
    })

function collectLine(line: string, previous: unknown): readonly string[] {
  if (previous === false) throw bothSchedules()
  return collect(line, previous)
}

// Commander calls it without a value, and takes what is not there for false.
function noLines(_: unknown, previous: unknown): undefined {
  if (Array.isArray(previous)) throw bothSchedules()
}

function bothSchedules(): P2psyncError {
  return new P2psyncError('usage', '--schedule and --no-schedule are given together', {
    hint: 'Give one of them: the lines given replace those given before, --no-schedule ends all.',
  })
}

const limitHelp = `
Rates are bytes a second: KiB, MiB, GiB count by 1024, kB, MB, GB by 1000. Devices and folders share them fairly. What devices
tell each other of changes is not held up.
A line of the schedule is days, a time and limits: "mon-fri 08:00-18:00 down=2MiB up=500KiB", "sat,sun up=none",
"22:00-06:00 up=none" (to the next morning). For each direction the first line that holds decides, else --up and --down.
The lines given replace those given before.

Examples:
  $ p2psync limit
  $ p2psync limit --up 2MiB --down none
  $ p2psync limit --schedule "mon-fri 08:00-18:00 up=500KiB" --schedule "sat,sun up=none"
  $ p2psync limit --no-schedule`
