import { Command, CommanderError } from 'commander'
import { P2psyncError } from '../src/model/errors.ts'
import { version } from '../src/model/version.ts'
import type { CliContext } from './cli-context.ts'
import { refuseSwallowedOptions } from './refuse-swallowed-options.ts'
import { exitCodes, exitCodesHelp, reportError } from './report-error.ts'

/**
 * Runs one command line (without `node` and the program) and returns its exit code. Only the module of the command that
 * is named is loaded.
 */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  const result = { exitCode: exitCodes.done }
  const program = new Command('p2psync')
    .description('Keeps folders the same on all your devices: peer to peer, encrypted, without a server.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showSuggestionAfterError(true)
    .addHelpText('after', generalHelp)
  quiet(program, context)
  try {
    for (const define of await loadCommands(argv)) {
      const command = define(context, (exitCode) => (result.exitCode = exitCode))
      quiet(command, context)
      refuseSwallowedOptions(command)
      program.addCommand(
        command.helpOption('-h, --help', 'print this help').addHelpText('afterAll', `\n${exitCodesHelp}`),
      )
    }
    await program.parseAsync(argv, { from: 'user' })
    return result.exitCode
  } catch (error) {
    return reportError(explain(error, argv), context.stderr, argv.includes('--json'))
  }
}

/** Builds a command; `done` is called with the exit code when it is not 0. */
export type DefineCommand = (context: CliContext, done: (exitCode: number) => void) => Command

const modules: Readonly<Record<string, () => Promise<DefineCommand>>> = {
  start: async () => (await import('./start.ts')).defineStart,
  stop: async () => (await import('./stop.ts')).defineStop,
  status: async () => (await import('./status.ts')).defineStatus,
  peers: async () => (await import('./peers.ts')).definePeers,
  key: async () => (await import('./key.ts')).defineKey,
  limit: async () => (await import('./limit.ts')).defineLimit,
  pause: async () => (await import('./pause.ts')).definePause,
  resume: async () => (await import('./resume.ts')).defineResume,
  guard: async () => (await import('./guard.ts')).defineGuard,
  remove: async () => (await import('./remove.ts')).defineRemove,
  watch: async () => (await import('./watch.ts')).defineWatch,
  manifest: async () => (await import('./manifest.ts')).defineManifest,
  scrub: async () => (await import('./scrub.ts')).defineScrub,
  doctor: async () => (await import('./doctor.ts')).defineDoctor,
  diff: async () => (await import('./diff.ts')).defineDiff,
}

async function loadCommands(argv: readonly string[]): Promise<readonly DefineCommand[]> {
  const named = Object.hasOwn(modules, argv[0] ?? '') ? modules[argv[0]!] : undefined
  return Promise.all((named === undefined ? Object.values(modules) : [named]).map(async (load) => load()))
}

function quiet(command: Command, context: CliContext): void {
  command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      // Errors are printed once, by reportError.
      writeErr: () => undefined,
    })
    .configureHelp({ helpWidth: Math.min(context.stdout.columns ?? 100, 100) })
  for (const child of command.commands) quiet(child, context)
}

// Commander throws to end the process after --help and --version too.
function explain(error: unknown, argv: readonly string[]): unknown {
  if (!(error instanceof CommanderError)) return error
  if (['commander.helpDisplayed', 'commander.version'].includes(error.code)) return null
  const command = Object.hasOwn(modules, argv[0] ?? '') ? `${argv[0]} ` : ''
  const [message, ...suggestion] = error.message.replace(/^error: /, '').split('\n')
  const what = error.code === 'commander.help' ? 'no command is given' : message!
  const hint = `${suggestion.join(' ')} See p2psync ${command}--help.`.trim()
  return new P2psyncError('usage', what, { hint })
}

const generalHelp = `
Start here:
  $ p2psync start ./folder               on the first device: prints the line to type on the second
  $ p2psync status                       in another terminal

${exitCodesHelp}

The state (device key, folder keys, index) is kept in a directory of this user; --home or P2PSYNC_HOME choose another.`
