import type { NodeStartOptions, RunningNode } from '../src/node/node-api.ts'
import type { Clock } from '../src/ports/clock.ts'

/** What a command may touch of the process that it runs in. */
export interface CliContext {
  readonly stdin: SecretInput
  readonly stdout: Output
  readonly stderr: Output
  readonly environment: NodeJS.ProcessEnv
  /** Absolute: what relative paths in argv start from. */
  readonly workingFolder: string
  readonly clock: Clock
  readonly startNode: (options: NodeStartOptions) => Promise<RunningNode>
  /** Calls `listener` for each SIGINT, SIGTERM and SIGHUP until the returned function is called. */
  readonly onSignal: (listener: (signal: NodeJS.Signals) => void) => () => void
  /** Ends the process at once. */
  readonly exit: (code: number) => void
}

/** A terminal has `isTTY` and `columns`. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  /** False: wait for `drain` before more is written. */
  write(text: string): unknown
  once?(event: 'drain' | 'error' | 'close', listener: () => void): unknown
}

/** Where a hidden key can be typed. */
interface SecretInput extends AsyncIterable<Uint8Array | string> {
  readonly isTTY?: boolean
  setRawMode?(raw: boolean): unknown
}

/** Options of every command. */
export interface CommonOptions {
  readonly home?: string
  readonly json?: boolean
}
