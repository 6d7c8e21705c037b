import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { mallocSettings, networkFlags } from '../../cli/network-settings.js'
import { ControlClient } from '../../src/control/control-client.ts'
import type { FolderStatus } from '../../src/node/node-api.ts'
import { mainFile } from '../e2e/program.ts'
import type { Lab } from '../lab/lab.ts'

export interface SoakNodeOptions {
  readonly lab: Lab
  /** Of the lab, from 1. */
  readonly host: number
  /** Where its folder and its home lie. */
  readonly disk: string
  readonly logs: string
  readonly keyFile: string
}

const answerMs = 30_000

/** A node as users start it, on a host of the lab, where it finds the others by mDNS. */
export class SoakNode {
  readonly name: string
  readonly host: number
  readonly folder: string
  readonly logFile: string
  /** Stands still, by SIGSTOP. */
  isPaused = false
  /** A fault has ended it, and will start it again. */
  isDown = true
  readonly #options: SoakNodeOptions
  readonly #home: string
  readonly #client: ControlClient
  #child: ChildProcess | null = null

  constructor(options: SoakNodeOptions) {
    this.#options = options
    this.host = options.host
    this.name = `n${options.host}`
    this.folder = join(options.disk, this.name)
    this.logFile = join(options.logs, `${this.name}.log`)
    this.#home = join(options.disk, `home-${this.name}`)
    this.#client = new ControlClient({ home: this.#home })
  }

  /** How the process ended, or null while it runs or is meant to be down. */
  get unexpectedEnd(): string | null {
    if (this.isDown || this.#child === null) return null
    const { exitCode, signalCode } = this.#child
    return exitCode === null && signalCode === null ? null : `ended with ${exitCode ?? signalCode}`
  }

  /** Starts it and waits until it answers. @throws when it ends instead, or is silent for 30 s. */
  async start(): Promise<void> {
    const { lab, host, logs, keyFile } = this.#options
    const runtime = join(logs, `runtime-${this.name}`)
    mkdirSync(runtime, { recursive: true, mode: 0o700 })
    const settings = Object.entries({ ...mallocSettings, XDG_RUNTIME_DIR: runtime, NO_COLOR: '1' })
    const args = ['start', this.folder, '--home', this.#home, '--name', this.name, '--key-file', keyFile]
    const program = [process.execPath, ...networkFlags, mainFile(), ...args, '--json', '--log-level', 'info']
    // The shell only leads the output into files.
    const redirect = ['sh', '-c', 'log=$1; shift; exec "$@" >>"$log.out" 2>>"$log"', 'sh', this.logFile]
    const variables = settings.map(([name, value]) => `${name}=${value}`)
    this.#child = lab.start(host, ...redirect, 'env', ...variables, ...program)
    this.isDown = false
    const deadline = performance.now() + answerMs
    while ((await this.status()) === null) {
      if (this.unexpectedEnd !== null) throw new Error(`${this.name} ${this.unexpectedEnd} at its start`)
      if (performance.now() > deadline) throw new Error(`${this.name} does not answer after its start`)
      await sleep(50)
    }
  }

  /** Ends it; resolves to its exit code, or null after a signal. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    this.isDown = true
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const exited = once(child, 'exit') as Promise<[number | null]>
    child.kill(signal)
    const [code] = await exited
    return code
  }

  pause(): void {
    this.isPaused = this.#child?.kill('SIGSTOP') === true
  }

  continue(): void {
    this.#child?.kill('SIGCONT')
    this.isPaused = false
  }

  /** Null while it does not answer. */
  async status(): Promise<FolderStatus | null> {
    if (this.isDown || this.isPaused) return null
    const folders = await this.#client.status().catch(() => [])
    return folders[0] ?? null
  }

  /** Lets through what the change guard holds; false when that was nothing. */
  async approve(): Promise<boolean> {
    const status = await this.status()
    if (status === null || status.held.length === 0) return false
    return this.#client.decideHeld(this.folder, 'approve').then(
      () => true,
      () => false,
    )
  }

  /** What the process uses now; zeros when it is gone. */
  resources(): { readonly memoryMiB: number; readonly handles: number } {
    const pid = this.#child?.pid ?? 0
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      const memoryKiB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0)
      return { memoryMiB: Math.round(memoryKiB / 1024), handles: readdirSync(`/proc/${pid}/fd`).length }
    } catch {
      return { memoryMiB: 0, handles: 0 }
    }
  }
}
