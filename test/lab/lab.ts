import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const script = join(import.meta.dirname, 'lab.sh')
const run = promisify(execFile)

/** Why no lab can be built here, or null when it can. */
export function labProblem(): string | null {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  for (const tool of ['ip', 'nft', 'nsenter', 'flock']) {
    const found = (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, tool)))
    if (!found) return `the program ${tool} is missing`
  }
  return null
}

/** Hosts 1..N on one network, each in a network namespace of its own, at 10.77.0.(10 + number). */
export class Lab {
  readonly #name: string

  private constructor(name: string) {
    this.#name = name
  }

  /** Builds a lab; `name` (letters and digits, at most 16) keeps labs that run side by side apart. */
  static async up(name: string, hosts: number): Promise<Lab> {
    const lab = new Lab(name)
    await lab.#script('up', hosts)
    return lab
  }

  /** Ends what runs on the hosts and removes them. */
  async down(): Promise<void> {
    await this.#script('down')
  }

  /** Runs a program on a host to its end and returns what it printed. */
  async exec(host: number, ...command: string[]): Promise<string> {
    return this.#script('exec', host, ...command)
  }

  /** Starts a program on a host; its process is the child itself. */
  start(host: number, ...command: string[]): ChildProcess {
    return spawn(script, ['exec', String(host), ...command], { env: this.#env(), stdio: ['pipe', 'pipe', 'inherit'] })
  }

  /** Drops everything between two hosts, without a word to either. */
  async partition(a: number, b: number): Promise<void> {
    await this.#script('partition', a, b)
  }

  async heal(a: number, b: number): Promise<void> {
    await this.#script('heal', a, b)
  }

  /** Plugs the cable of a host in, or pulls it. */
  async link(host: number, state: 'up' | 'down'): Promise<void> {
    await this.#script('link', host, state)
  }

  async #script(...words: readonly (string | number)[]): Promise<string> {
    const { stdout } = await run(script, words.map(String), { env: this.#env() })
    return stdout
  }

  #env(): NodeJS.ProcessEnv {
    return { ...process.env, LAB: this.#name }
  }
}
