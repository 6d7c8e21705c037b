import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FolderStatus, PeerStatus } from '../../src/node/node-api.ts'

const bin = resolve(import.meta.dirname, '../../cli/bin.js')

/** What one run of the command line printed, and how it ended. */
export interface CliResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one command to its end, as a user would, but for the environment that names the home. */
export async function runCli(args: readonly string[], environment: Record<string, string> = {}): Promise<CliResult> {
  const child = spawn(process.execPath, [bin, ...args], {
    env: { ...process.env, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = collect(child)
  const [code] = (await once(child, 'close')) as [number | null]
  return { exitCode: code ?? -1, ...output() }
}

/** A temporary folder for one test, removed with {@link Scratch.remove}. */
export class Scratch {
  readonly path = mkdtempSync(join(tmpdir(), 'p2psync-e2e-'))

  at(...names: string[]): string {
    return join(this.path, ...names)
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 })
  }
}

export interface NodeOptions {
  readonly scratch: Scratch
  readonly name: string
  readonly key: string
  readonly port: number
  /** Ports of the nodes that it dials. */
  readonly dials: readonly number[]
  readonly extra?: readonly string[]
  readonly prefix?: readonly string[]
}

/** One p2psync node in a process of its own, driven through its command line. */
export class NodeProcess {
  readonly folder: string
  readonly home: string
  readonly #options: NodeOptions
  #child: ChildProcess | null = null
  #output: () => { stdout: string; stderr: string } = () => ({ stdout: '', stderr: '' })

  constructor(options: NodeOptions) {
    this.#options = options
    this.folder = options.scratch.at(options.name)
    this.home = options.scratch.at(`home-${options.name}`)
  }

  get output(): { stdout: string; stderr: string } {
    return this.#output()
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  async start(): Promise<this> {
    const { name, key, port, dials, extra = [], prefix = [] } = this.#options
    const peers = dials.flatMap((other) => ['--peer', `/ip4/127.0.0.1/tcp/${other}`])
    const listen = ['--listen', `/ip4/127.0.0.1/tcp/${port}`]
    const command = [...prefix, process.execPath, bin, 'start', this.folder, '--home', this.home, '--name', name]
    const [file, ...args] = [...command, '--no-mdns', ...listen, ...peers, ...extra]
    const runtime = this.#options.scratch.at('runtime')
    const child = spawn(file!, args, {
      env: { ...process.env, NO_COLOR: '1', P2PSYNC_KEY: key, XDG_RUNTIME_DIR: runtime },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#output = collect(child)
    await this.until(() => this.status().then((status) => status !== null), 'the node to answer')
    return this
  }

  async status(): Promise<FolderStatus | null> {
    const result = await runCli(['status', '--json', '--home', this.home])
    if (result.exitCode !== 0) return null
    const parsed = JSON.parse(result.stdout) as { folders: FolderStatus[] }
    return parsed.folders[0] ?? null
  }

  async peers(): Promise<readonly PeerStatus[]> {
    const result = await runCli(['peers', '--json', '--home', this.home])
    return result.exitCode === 0 ? (JSON.parse(result.stdout) as { peers: PeerStatus[] }).peers : []
  }

  /** Ends the node as `p2psync stop` or a signal does, and waits until the process is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child === null) return
    this.#child = null
    if (child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill(signal)
    await closed
  }

  /** Waits for a condition; fails with what the node printed. */
  async until(check: () => Promise<boolean> | boolean, what: string, timeoutMs = 45_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (performance.now() < deadline) {
      if (await check()) return
      const child = this.#child
      if (child !== null && child.exitCode !== null) break
      await sleep(50)
    }
    const { stdout, stderr } = this.#output()
    throw new Error(`waited in vain for ${what}\n--- stdout\n${stdout.slice(-2000)}\n--- stderr\n${stderr.slice(-4000)}`)
  }
}

let nextPort = 21_000 + (process.pid % 400) * 40

/** A port that no other test of this run uses. */
export function freshPort(): number {
  return nextPort++
}

function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return () => ({ stdout, stderr })
}
