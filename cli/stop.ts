import { Command } from 'commander'
import type { ControlClient } from '../src/control/control-client.ts'
import { P2psyncError } from '../src/model/errors.ts'
import type { CliContext, CommonOptions } from './cli-context.ts'
import { connectToNode } from './connect-to-node.ts'
import type { DefineCommand } from './run-cli.ts'

export const defineStop: DefineCommand = (context) =>
  new Command('stop')
    .description('Ends the running node cleanly: what is under way is finished or kept for the next start.')
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  $ p2psync stop\n  $ p2psync stop --home /srv/p2psync')
    .action(async (options: CommonOptions) => {
      const client = await connectToNode(options, context)
      await client.stop()
      await untilGone(client, context)
      context.stdout.write(options.json === true ? `${JSON.stringify({ stopped: true })}\n` : 'The node has stopped.\n')
    })

// The home is free for the next node once nobody listens.
async function untilGone(client: ControlClient, context: CliContext): Promise<void> {
  const start = context.clock.monotonic()
  while (await client.isListening()) {
    if (context.clock.monotonic() - start > goneMs) {
      throw new P2psyncError('node-failed', 'the node has closed everything, but its process does not end', {
        hint: 'End the process; nothing is lost.',
      })
    }
    await context.clock.sleep(20)
  }
}

const goneMs = 10_000
