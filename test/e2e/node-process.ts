import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { networkFlags } from '../../cli/network-settings.js'
import { ControlClient } from '../../src/control/control-client.ts'
import type { FolderStatus, PeerStatus } from '../../src/node/node-api.ts'
import { mainFile } from './program.ts'
import type { Scratch } from './scratch.ts'

// With the flags that cli/bin.js gives.
const program = [process.execPath, ...networkFlags, mainFile()]

/** What one run of the command line printed, and how it ended (-1: by a signal). */
export interface CliResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one command to its end, as a user would; one that does not end in time is killed. */
export async function runCli(
  args: readonly string[],
  options: { environment?: Record<string, string>; workingFolder?: string; timeoutMs?: number } = {},
): Promise<CliResult> {
  const [file, ...before] = program
  const child = spawn(file!, [...before, ...args], {
    env: { ...cleanEnvironment(), ...options.environment },
    cwd: options.workingFolder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 20_000,
    killSignal: 'SIGKILL',
  })
  const output = collect(child)
  const [code] = (await once(child, 'close')) as [number | null]
  return { exitCode: code ?? -1, ...output() }
}

export interface NodeOptions {
  readonly scratch: Scratch
  readonly name: string
  /** Null: none is given. */
  readonly key: string | null
  readonly port: number
  /** Ports of the nodes that it dials. */
  readonly dials: readonly number[]
  readonly extra?: readonly string[]
  /** A program that runs the node, such as `ip netns exec x`. */
  readonly prefix?: readonly string[]
  /** Where the nodes of this host find each other; by default a folder of this node alone. */
  readonly runtimeFolder?: string
  /** What runs a command line, by default this Node and the sources. */
  readonly program?: readonly string[]
  /** By default below the scratch folder, named after the node. */
  readonly folder?: string
}

/** One p2psync node in a process of its own, started by its command line and asked by its control API. */
export class NodeProcess {
  readonly name: string
  readonly folder: string
  readonly home: string
  readonly #options: NodeOptions
  readonly #client: ControlClient
  #child: ChildProcess | null = null
  #output: () => { stdout: string; stderr: string } = () => ({ stdout: '', stderr: '' })

  constructor(options: NodeOptions) {
    this.#options = options
    this.name = options.name
    this.folder = options.folder ?? options.scratch.at(options.name)
    this.home = options.scratch.at(`home-${options.name}`)
    this.#client = new ControlClient({ home: this.home })
  }

  /** What it printed since it was started last. */
  get output(): { stdout: string; stderr: string } {
    return this.#output()
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get port(): number {
    return this.#options.port
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Starts it and waits until it answers. @throws when it ends instead. */
  async start(): Promise<this> {
    const [file, ...args] = [
      ...(this.#options.prefix ?? []),
      ...(this.#options.program ?? program),
      ...this.startArguments(),
    ]
    const child = spawn(file!, args, { env: this.environment(), stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    running.add(child)
    this.#output = collect(child)
    await this.until(() => this.status().then((status) => status !== null), 'the node to answer', 20_000)
    return this
  }

  /** Runs the same command to its end: for a start that is refused. */
  async startInVain(): Promise<CliResult> {
    return runCli(this.startArguments(), { environment: this.environment() })
  }

  startArguments(): readonly string[] {
    const { name, port, dials, extra = [] } = this.#options
    const peers = dials.flatMap((other) => ['--peer', `/ip4/127.0.0.1/tcp/${other}`])
    const listen = ['--listen', `/ip4/127.0.0.1/tcp/${port}`]
    return ['start', this.folder, '--home', this.home, '--name', name, '--no-mdns', ...listen, ...peers, ...extra]
  }

  environment(): Record<string, string> {
    const { scratch, name, key, runtimeFolder = scratch.at(`runtime-${name}`) } = this.#options
    mkdirSync(runtimeFolder, { recursive: true, mode: 0o700 })
    const environment = { ...cleanEnvironment(), XDG_RUNTIME_DIR: runtimeFolder }
    return key === null ? environment : { ...environment, P2PSYNC_KEY: key }
  }

  /** The state of its folder (of its first one when it was not started with one), or null while it does not answer. */
  async status(): Promise<FolderStatus | null> {
    const folders = await this.#client.status().catch(() => [])
    return folders.find((folder) => folder.path === this.folder) ?? folders[0] ?? null
  }

  async peers(): Promise<readonly PeerStatus[]> {
    return this.#client.peers().catch(() => [])
  }

  /** Runs a command against this node. */
  async cli(...args: readonly string[]): Promise<CliResult> {
    return runCli([...args, '--home', this.home], { environment: this.environment() })
  }

  /** Ends the node by a signal and waits until the process is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    if (child === null) return null
    this.#child = null
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const closed = once(child, 'close') as Promise<[number | null]>
    child.kill(signal)
    const forced = setTimeout(() => child.kill('SIGKILL'), 20_000)
    const [code] = await closed
    clearTimeout(forced)
    running.delete(child)
    return code
  }

  /** Waits for a condition; fails with what the node printed. */
  async until(check: () => Promise<boolean> | boolean, what: string, timeoutMs = 45_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (performance.now() < deadline) {
      if (await check()) return
      if (this.#child !== null && !this.isRunning) break
      await sleep(40)
    }
    throw new Error(`${this.name} waited in vain for ${what}\n${this.report()}`)
  }

  /** The end of what it printed, for a failure's message. */
  report(): string {
    const { stdout, stderr } = this.#output()
    return `--- ${this.name}: stdout\n${stdout.slice(-1500)}\n--- ${this.name}: stderr\n${stderr.slice(-3000)}`
  }
}

// No node outlives its file of tests, not even when a test has run out of time.
const running = new Set<ChildProcess>()
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

let nextPort = 12_000 + (process.pid % 500) * 40

/** A port that no other test of this run uses, below those that the system gives away. */
export function freshPort(): number {
  return nextPort++
}

function cleanEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(P2PSYNC_|NODE_|VITEST|FORCE_COLOR)/.test(name))
  return { ...(Object.fromEntries(kept) as Record<string, string>), NO_COLOR: '1' }
}

function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  return () => ({ stdout, stderr })
}
