import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { ControlServer } from '../src/control/control-server.ts'
import type { AddFolderRequest, LimitChange, RunningNode } from '../src/node/node-api.ts'
import { P2psyncError } from '../src/model/errors.ts'
import { isPatternList } from '../src/model/folder-order.ts'
import { parseRescanInterval } from '../src/model/rescan-interval.ts'
import type { LogLevel } from '../src/node/pino-logger.ts'
import type { CliContext, CommonOptions } from './cli-context.ts'
import { givenKey } from './given-key.ts'
import { collect, limitChange } from './limit-options.ts'
import { limitsText } from './limits-view.ts'
import type { DefineCommand } from './run-cli.ts'
import { exitCodes } from './report-error.ts'
import { printAdded, printRunning, printStarted, type TypedFolder } from './start-view.ts'

interface StartOptions extends CommonOptions {
  readonly key?: string
  readonly keyFile?: string
  readonly name?: string
  readonly listen?: readonly string[]
  readonly peer?: readonly string[]
  readonly mdns: boolean
  readonly rescanInterval?: string
  readonly limitUp?: string
  readonly limitDown?: string
  readonly limitSchedule?: readonly string[]
  readonly first?: readonly string[]
  readonly last?: readonly string[]
  readonly relink?: boolean
  readonly logLevel: LogLevel
}

export const defineStart: DefineCommand = (context, done) =>
  new Command('start')
    .description(
      "Runs this device's node in the foreground with these folders, plus those started before. A folder that does not " +
        'exist is created. If a node runs already, the folders are added to it.',
    )
    .argument('[folders...]', 'folders to keep the same on all devices that have their key')
    .option('--key-file <file>', "the folder's key from another device, in a file")
    .option('--key <key>', 'the key itself; - asks for it. Visible to other users of this computer while it runs')
    .option('--name <device>', "this device's name (default: the computer's)")
    .option('--home <dir>', 'the state directory (default: per user; or P2PSYNC_HOME)')
    .addOption(new Option('--listen <multiaddr>', 'an address to listen on; repeatable').argParser(collect))
    .addOption(new Option('--peer <multiaddr>', 'a device to dial and keep dialled; repeatable').argParser(collect))
    .option('--no-mdns', 'neither announce this device on the local network nor look for others there')
    .option('--rescan-interval <time>', 'how often to look for what the watcher missed: 30m (default), 2h, never')
    .option('--limit-up <rate>', 'the most to send a second: 500KiB, 2MiB, 10MB; none or 0 for no limit; kept')
    .option('--limit-down <rate>', 'the most to receive a second; kept')
    .addOption(
      new Option(
        '--limit-schedule <line>',
        'other limits at some times; repeatable, kept; see p2psync limit --help',
      ).argParser(collect),
    )
    .addOption(new Option('--first <pattern>', 'what to fetch before the rest; repeatable, kept').argParser(collect))
    .addOption(new Option('--last <pattern>', 'what to fetch after the rest; repeatable, kept').argParser(collect))
    .option('--relink', 'this is the right folder although its marker is gone: read it anew, publish no deletion')
    .addOption(
      new Option('--log-level <level>', 'JSON lines on stderr')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('warn'),
    )
    .option('--json', 'one JSON object a line')
    .addHelpText('after', startHelp)
    .action(async (folders: string[], options: StartOptions) => done(await start(folders, options, context)))

const startHelp = `
The key: whoever has it can read and change the folder. Better than --key, which other users of this computer can see
in the list of processes: --key-file FILE, the environment variable P2PSYNC_KEY, or --key - to type it unseen.

--first and --last say in which order this device fetches files of these folders; other devices have an order of their own.
They rank among files of about the same size: up to 1 MiB, up to 64 MiB, larger; each of the three has its turn. Patterns
given replace those given before, '' ends them. * and ? match within a name, ** across folders; case counts; one that begins
with / holds from the top of the folder, any other at every depth.

Examples:
  $ p2psync start ./folder                               a new folder: makes a key and prints it
  $ p2psync start ./folder --key-file key.txt            the same folder on another device
  $ p2psync start                                        everything that was started before
  $ p2psync start ./folder --limit-up 2MiB --first '*.md' --last 'videos/**'
  $ p2psync start ./folder --peer /ip4/192.0.2.7/tcp/4001
  $ p2psync start ./folder --listen /ip4/0.0.0.0/tcp/4001 --no-mdns`

async function start(typed: readonly string[], options: StartOptions, context: CliContext): Promise<number> {
  const { homeAt, prepareHome, resolveHome } = await import('../src/node/home.ts')
  const { parseDeviceName } = await import('../src/node/device-name.ts')
  const name = options.name === undefined ? null : parseDeviceName(options.name)
  const rescanIntervalMs = options.rescanInterval === undefined ? null : parseRescanInterval(options.rescanInterval)
  const limits = limitChange({ up: options.limitUp, down: options.limitDown, schedule: options.limitSchedule })
  const folders = await readFolders(typed, options, context)
  const homePath = resolveHome(options.home, context.environment)
  if (folders.length === 0) await refuseNothingToStart(homeAt(homePath).settingsFile, homePath)
  const home = await prepareHome(homePath)
  const logger = (await import('../src/node/pino-logger.ts')).createPinoLogger({ level: options.logLevel })
  const { ControlServer } = await import('../src/control/control-server.ts')
  const server = new ControlServer({ clock: context.clock, logger }, { home: home.path })
  try {
    await server.start()
  } catch (error) {
    if (!(error instanceof P2psyncError) || error.code !== 'home-busy') throw error
    return addToRunningNode({ home: home.path, folders, options, limits, context })
  }
  try {
    return await runNode(server, folders, context, options, {
      home: home.path,
      name,
      listen: options.listen ?? null,
      peers: options.peer ?? [],
      mdns: options.mdns,
      rescanIntervalMs,
      limits,
      logger,
      folders: folders.map((folder) => folder.request),
    })
  } finally {
    await server.stop()
  }
}

async function readFolders(
  typed: readonly string[],
  options: StartOptions,
  context: CliContext,
): Promise<readonly TypedFolder[]> {
  const keyNamed = options.key !== undefined || options.keyFile !== undefined
  const given = [
    keyNamed && 'a key',
    options.relink && '--relink',
    options.first && '--first',
    options.last && '--last',
  ]
  const needsFolder = given.find((option) => typeof option === 'string')
  if (typed.length === 0 && needsFolder !== undefined) {
    throw new P2psyncError('usage', `${needsFolder} is given without a folder`, {
      hint: 'Name the folder: p2psync start <folder>.',
    })
  }
  const order = readOrder(options)
  const key = typed.length === 0 ? null : await givenKey(options, context)
  if (key !== null && typed.length > 1) {
    throw new P2psyncError('usage', 'one key is given for several folders', {
      hint: 'A key belongs to one folder: start them one after the other; the second start adds to the running node.',
    })
  }
  return typed.map((text) => {
    if (text === '') throw new P2psyncError('usage', 'a folder has an empty name', { hint: 'Use . for this folder.' })
    const request: AddFolderRequest = {
      path: resolve(context.workingFolder, text),
      key,
      relink: options.relink === true,
      order,
    }
    return { typed: text, request }
  })
}

function readOrder({ first, last }: StartOptions): NonNullable<AddFolderRequest['order']> {
  return {
    ...(first === undefined ? {} : { first: readPatterns(first, '--first') }),
    ...(last === undefined ? {} : { last: readPatterns(last, '--last') }),
  }
}

function readPatterns(typed: readonly string[], option: string): readonly string[] {
  const patterns = typed.filter((pattern) => pattern !== '')
  if (isPatternList(patterns)) return patterns
  throw new P2psyncError('usage', `${option} has a pattern that is too long, or too many of them`, {
    hint: 'Use at most 256 patterns of at most 1024 bytes.',
  })
}

async function refuseNothingToStart(settingsFile: string, home: string): Promise<void> {
  const { homeAt } = await import('../src/node/home.ts')
  const { loadSettings } = await import('../src/node/node-settings.ts')
  const { folders } = await loadSettings({ ...homeAt(home), settingsFile })
  if (folders.length > 0) return
  throw new P2psyncError('usage', 'no folder is given and none was started before', {
    hint: `Name one: p2psync start <folder>. (State directory: ${home})`,
  })
}

async function runNode(
  server: ControlServer,
  folders: readonly TypedFolder[],
  context: CliContext,
  options: StartOptions,
  startOptions: Parameters<CliContext['startNode']>[0],
): Promise<number> {
  const { StartReporter } = await import('./start-reporter.ts')
  const ending = new Ending(context)
  try {
    const node = await context.startNode(startOptions)
    server.serve(node.api)
    printStarted({ info: node.api.info(), added: node.started, folders, json: options.json === true }, context.stdout)
    const reporter = new StartReporter(context, { json: options.json === true })
    await using _ = { [Symbol.asyncDispose]: async () => reporter.stop() }
    await reporter.start(node.api)
    ending.stops(node)
    await node.done
    return exitCodes.done
  } finally {
    ending.forget()
  }
}

/** The first signal stops the node cleanly, the second ends the process. */
class Ending {
  readonly #context: CliContext
  readonly #unsubscribe: () => void
  #firstAt: number | null = null
  #node: RunningNode | null = null

  constructor(context: CliContext) {
    this.#context = context
    this.#unsubscribe = context.onSignal((signal) => this.#onSignal(signal))
  }

  stops(node: RunningNode): void {
    this.#node = node
    if (this.#firstAt !== null) this.#stop(node)
  }

  forget(): void {
    this.#unsubscribe()
  }

  #onSignal(signal: NodeJS.Signals): void {
    const now = this.#context.clock.monotonic()
    if (this.#firstAt === null) {
      this.#firstAt = now
      if (this.#node !== null) this.#stop(this.#node)
    } else if (now - this.#firstAt > sameSignalMs) {
      this.#context.exit(128 + signalNumbers[signal as keyof typeof signalNumbers])
    }
  }

  #stop(node: RunningNode): void {
    // How it ended is told by `done`.
    node.api.stop().catch(() => undefined)
  }
}

// A Ctrl-C reaches us from the terminal and once more through npx.
const sameSignalMs = 500
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

async function addToRunningNode(input: {
  readonly home: string
  readonly folders: readonly TypedFolder[]
  readonly options: StartOptions
  readonly limits: LimitChange
  readonly context: CliContext
}): Promise<number> {
  const { home, folders, options, limits, context } = input
  const { ControlClient } = await import('../src/control/control-client.ts')
  const client = new ControlClient({ home })
  const info = await client.info()
  const json = options.json === true
  const hasLimits = Object.keys(limits).length > 0
  if (!json) {
    warnOfUnusedOptions(options, context)
    printRunning({ info, hasWork: folders.length > 0 || hasLimits }, context.stdout)
  } else if (folders.length === 0) printAdded({ info, added: [], folders, json, known: new Set() }, context.stdout)
  const known = new Set((await client.status()).map(({ path }) => path))
  for (const folder of folders) {
    const added = await client.addFolder(folder.request)
    printAdded({ info, added: [added], folders: [folder], json, known }, context.stdout)
  }
  if (hasLimits) {
    const changed = await client.setLimits(limits)
    context.stdout.write(json ? `${JSON.stringify({ type: 'limits', ...changed })}\n` : limitsText(changed))
  }
  return exitCodes.done
}

function warnOfUnusedOptions(options: StartOptions, context: CliContext): void {
  const given = [
    options.name === undefined ? '' : '--name',
    options.listen === undefined ? '' : '--listen',
    options.peer === undefined ? '' : '--peer',
    options.mdns ? '' : '--no-mdns',
    options.rescanInterval === undefined ? '' : '--rescan-interval',
  ].filter((option) => option !== '')
  if (given.length === 0) return
  context.stderr.write(`p2psync: the node runs already, so ${given.join(', ')} had no effect\n`)
  context.stderr.write('To use it, stop the node first: p2psync stop.\n')
}
