import type { ControlClient } from '../src/control/control-client.ts'
import type { CliContext, CommonOptions } from './cli-context.ts'

/** The node of the home that the options name, not yet asked anything. */
export async function connectToNode(options: CommonOptions, context: CliContext): Promise<ControlClient> {
  const [{ resolveHome }, { ControlClient }] = await Promise.all([
    import('../src/node/home.ts'),
    import('../src/control/control-client.ts'),
  ])
  return new ControlClient({ home: resolveHome(options.home, context.environment) })
}
