import { systemClock } from '../src/node/system-clock.ts'
import type { CliContext } from './cli-context.ts'
import { runCli } from './run-cli.ts'

const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

const context: CliContext = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  workingFolder: process.cwd(),
  clock: systemClock,
  startNode: async (options) => (await import('../src/index.ts')).startNode(options),
  onSignal: (listener) => {
    for (const signal of signals) process.on(signal, listener)
    return () => {
      for (const signal of signals) process.off(signal, listener)
    }
  },
  exit: (code) => process.exit(code),
}

// A reader that went away (`| head`) is no trouble of ours.
process.stdout.on('error', () => undefined)
process.stderr.on('error', () => undefined)

const code = await runCli(process.argv.slice(2), context)
process.stdout.write('', () => process.exit(code))
