import { spawn, type ChildProcess } from 'node:child_process'
import { on, once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Calls that change a disk, or decide that something was changed: between two others nothing new is to be seen. */
const changingCalls: readonly string[] = [
  'openat',
  'close',
  'write',
  'writev',
  'pwrite64',
  'pwritev',
  'copy_file_range',
  'sendfile',
  'ioctl',
  'fallocate',
  'ftruncate',
  'fsync',
  'fdatasync',
  'rename',
  'renameat2',
  'link',
  'symlink',
  'unlink',
  'mkdir',
  'rmdir',
  'utimensat',
  'fchmod',
  'chmod',
]

/** The threads that write the database, or whichever comes first: of all other changing calls that is one of a file worker. */
type ThreadGroup = 'database' | 'any'

/** The `number`-th time (from 1) that one thread of the group makes a call. */
export interface KillPoint {
  readonly group: ThreadGroup
  readonly call: string
  readonly number: number
}

/** Why nothing can be traced here, or null when it can. */
export function tracingProblem(): string | null {
  if (process.platform !== 'linux') return 'strace needs Linux'
  if (process.getuid?.() !== 0) return 'strace of another process needs root'
  const found = (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, 'strace')))
  return found ? null : 'the program strace is missing'
}

/** strace on some threads of a process; it lets go of them when it is stopped. */
export class Trace {
  readonly #child: ChildProcess
  #said = ''

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Writes each changing call of a process to `log`, with the thread that made it. */
  static async record(pid: number, log: string): Promise<Trace> {
    return Trace.#attach(['-f', '-o', log, '-e', `trace=${changingCalls.join()}`, '-p', String(pid)])
  }

  /** Kills the process in place of the call. */
  static async killAt(pid: number, point: KillPoint): Promise<Trace> {
    const targets =
      point.group === 'any' ? ['-f', '-p', String(pid)] : [...databaseThreads(pid)].flatMap((id) => ['-p', id])
    const inject = `inject=${point.call}:signal=SIGKILL:when=${point.number}`
    return Trace.#attach(['-o', '/dev/null', '-e', `trace=${point.call}`, '-e', inject, ...targets])
  }

  /** Has these calls fail with `code` in all threads, each time. */
  static async failAll(pid: number, calls: string, code: string): Promise<Trace> {
    return Trace.#attach(['-f', '-e', `trace=${calls}`, '-e', `inject=${calls}:error=${code}`, '-p', String(pid)])
  }

  /** Has these calls fail with `code` in the threads of a group, those times that `when` says as strace has it. */
  static async failSome(pid: number, fault: Fault): Promise<Trace> {
    const { calls, code, when, threads } = fault
    const targets = [...threadsOf(pid, threads)].flatMap((id) => ['-p', id])
    return Trace.#attach(['-e', `trace=${calls}`, '-e', `inject=${calls}:error=${code}:when=${when}`, ...targets])
  }

  static async #attach(args: readonly string[]): Promise<Trace> {
    const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    for await (const [chunk] of on(child.stderr, 'data', { close: ['end'] })) {
      said += String(chunk)
      const wanted = args.filter((arg) => arg === '-p').length
      if (said.split(' attached').length <= wanted) continue
      const trace = new Trace(child)
      child.stderr.on('data', (more) => (trace.#said += String(more)))
      return trace
    }
    throw new Error(`strace does not attach: ${said}`)
  }

  /** Resolves when a call has failed. @throws when none does. */
  async hit(): Promise<void> {
    const deadline = performance.now() + 20_000
    while (!this.#said.includes('(INJECTED)')) {
      if (performance.now() > deadline) throw new Error('no call has failed')
      await nextTurn()
    }
  }

  /** How many calls have failed so far. */
  get hits(): number {
    return this.#said.split('(INJECTED)').length - 1
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const closed = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await closed
  }
}

/** Calls that fail. */
export interface Fault {
  /** The file workers or the threads of the database. */
  readonly threads: 'files' | 'libuv-worker'
  readonly calls: string
  readonly code: string
  /** Such as `1+` for each time, `5..40` for a while, `2+3` for every third. */
  readonly when: string
}

/** Every point at which what {@link Trace.record} wrote can be cut off. */
export function killPoints(log: string, database: ReadonlySet<string>): KillPoint[] {
  const ofThread = new Map<string, number>()
  const most = new Map<string, KillPoint>()
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? []
    if (thread === undefined || call === undefined) continue
    const isWrite = ['write', 'writev', 'fdatasync'].includes(call)
    // File workers write by `pwrite64`, the others only into pipes and sockets.
    if (isWrite && !database.has(thread)) continue
    const number = (ofThread.get(`${thread} ${call}`) ?? 0) + 1
    ofThread.set(`${thread} ${call}`, number)
    if ((most.get(call)?.number ?? 0) < number) most.set(call, { group: isWrite ? 'database' : 'any', call, number })
  }
  return [...most.values()].flatMap((last) =>
    Array.from({ length: last.number }, (_, i) => ({ ...last, number: i + 1 })),
  )
}

/** The threads of a process in which LevelDB works. */
export function databaseThreads(pid: number): ReadonlySet<string> {
  return threadsOf(pid, 'libuv-worker')
}

function threadsOf(pid: number, name: string): ReadonlySet<string> {
  const threads = readdirSync(`/proc/${pid}/task`)
  return new Set(threads.filter((id) => readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').startsWith(name)))
}
