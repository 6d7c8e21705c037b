import { Command } from 'commander'
import type { CommonOptions } from './cli-context.ts'
import { connectToNode } from './connect-to-node.ts'
import { peersText } from './peers-view.ts'
import type { DefineCommand } from './run-cli.ts'

export const definePeers: DefineCommand = (context) =>
  new Command('peers')
    .description(
      'Shows the devices in reach: connected since when and how, shared folders and how far they are, rates; and those ' +
        'that are paused or refused.',
    )
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .option('--json', 'print JSON')
    .addHelpText('after', "\nExamples:\n  $ p2psync peers\n  $ p2psync peers --json | jq -r '.peers[].device'")
    .action(async (options: CommonOptions) => {
      const client = await connectToNode(options, context)
      const peers = await client.peers()
      if (options.json === true) context.stdout.write(`${JSON.stringify({ peers })}\n`)
      else context.stdout.write(peersText(peers, context.clock.now()))
    })
