import type { CliContext } from '../../cli/cli-context.ts'
import { runCli } from '../../cli/run-cli.ts'
import type { NodeStartOptions, RunningNode } from '../../src/node/node-api.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import type { Clock } from '../../src/ports/clock.ts'
import { FakeNode } from '../control/fake-node.ts'

export interface CliRun {
  readonly exitCode: Promise<number>
  /** What was written so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  readonly signal: (signal: NodeJS.Signals) => void
  /** The codes with which the process would have been ended at once. */
  readonly exits: readonly number[]
  readonly startOptions: () => NodeStartOptions | null
  readonly node: () => FakeNode | null
  /** Stops the node, also one that is still to start, and waits for the end of the command. */
  readonly end: () => Promise<void>
}

export interface CliSetting {
  readonly home: string
  readonly workingFolder?: string
  readonly environment?: NodeJS.ProcessEnv
  readonly columns?: number
  readonly clock?: Clock
  readonly keys?: readonly string[]
  readonly onStart?: (options: NodeStartOptions) => void
}

/** Runs one command line in this process; on a terminal when `columns` is given. A node that it starts is a fake. */
export function runInMemory(argv: readonly string[], setting: CliSetting): CliRun {
  const written = { stdout: '', stderr: '' }
  const exits: number[] = []
  let listener: (signal: NodeJS.Signals) => void = () => undefined
  let startOptions: NodeStartOptions | null = null
  let node: FakeNode | null = null
  let ended = false
  const startNode = async (options: NodeStartOptions): Promise<RunningNode> => {
    startOptions = options
    setting.onStart?.(options)
    node = new FakeNode(options.home)
    const started = []
    for (const request of options.folders) started.push(await node.addFolder(request))
    if (ended) await node.stop()
    return { api: node, started, done: node.done }
  }
  const terminal = setting.columns === undefined ? {} : { isTTY: true, columns: setting.columns }
  const context: CliContext = {
    stdin: fakeInput(setting.keys ?? null),
    stdout: { ...terminal, write: (text) => (written.stdout += text) },
    stderr: { ...terminal, write: (text) => (written.stderr += text) },
    environment: { P2PSYNC_HOME: setting.home, ...setting.environment },
    workingFolder: setting.workingFolder ?? '/',
    clock: setting.clock ?? systemClock,
    startNode,
    onSignal: (next) => {
      listener = next
      return () => (listener = () => undefined)
    },
    exit: (code) => void exits.push(code),
  }
  const exitCode = runCli(argv, context)
  return {
    exitCode,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    signal: (signal) => listener(signal),
    exits,
    startOptions: () => startOptions,
    node: () => node,
    end: async () => {
      ended = true
      await node?.stop()
      await exitCode
    },
  }
}

function fakeInput(keys: readonly string[] | null): CliContext['stdin'] {
  const chunks = (async function* () {
    for (const key of keys ?? []) yield await Promise.resolve(key)
  })()
  const terminal = keys === null ? {} : { isTTY: true, setRawMode: () => undefined }
  return { ...terminal, [Symbol.asyncIterator]: () => chunks }
}
