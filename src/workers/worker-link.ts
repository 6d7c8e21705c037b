import { Worker } from 'node:worker_threads'
import { errorText, P2psyncError } from '../model/errors.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { HashTelling } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import type { Listing } from '../watcher/list-tree.ts'
import { unpackError } from './packed-error.ts'
import type { CallArguments, CallName, CallResult, Session, WorkerAnswer, WorkerRequest } from './worker-messages.ts'

export interface WorkerLinkOptions {
  readonly url: URL
  readonly name: string
  readonly youngGenerationMb: number
  readonly logger: Logger | null
}

export interface CallOptions {
  /** They change owner. */
  readonly transfer?: readonly ArrayBuffer[]
  /** Of a `hash`: see `HashTelling`. */
  readonly onBlocks?: HashTelling['onBlocks'] | undefined
}

/** Takes what a worker answers to one request. */
interface Waiting {
  answer(answer: WorkerAnswer): void
  fail(error: Error): void
}

/**
 * One file worker as the main thread sees it. A worker that dies fails what it was doing with `disk-failed` and is
 * started again: at once when it had been ready, else by the next call, so that one that cannot start does not spin.
 */
export class WorkerLink {
  readonly #options: WorkerLinkOptions
  readonly #waiting = new Map<number, Waiting>()
  /** Those that were let go and have not ended yet. */
  readonly #retired = new Set<Promise<void>>()
  #worker: RunningWorker | null = null
  #lastId = 0
  #isStopped = true
  #wasUsed = false
  #isTidy = false
  #cannotStart = false

  constructor(options: WorkerLinkOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#worker !== null
  }

  /** How much it was asked for and has not answered. */
  get pending(): number {
    return this.#waiting.size
  }

  /** Calls need not wait for the worker to start. */
  get isReady(): boolean {
    return this.#worker?.isReady() === true
  }

  /** From now on there may be a worker; the first call starts it, or {@link begin}. */
  open(): void {
    this.#isStopped = false
  }

  /** Resolves when the worker is ready. @throws {P2psyncError} `disk-failed` when it cannot start. */
  async start(): Promise<void> {
    this.open()
    await this.#running().ready
  }

  /** Begins to start the worker where there is none; one that could not start has another try after a {@link takeIdle}. */
  begin(): void {
    if (!this.#isStopped && !this.#cannotStart) this.#running().ready.catch(() => {})
  }

  /** Whether nothing is pending and nothing was asked since this was called last. */
  takeIdle(): boolean {
    const isIdle = !this.#wasUsed && this.#waiting.size === 0
    this.#wasUsed = false
    this.#cannotStart = false
    return isIdle
  }

  /** Has the worker give back memory, unless it was asked for nothing since it did. It stays. */
  tidy(): void {
    if (this.#isTidy || this.#worker === null) return
    this.#isTidy = true
    this.#worker.post({ type: 'tidy' })
  }

  /** Lets the worker go, if nothing is pending; the next call starts another. */
  retire(): void {
    const running = this.#worker
    if (running === null || this.#waiting.size > 0) return
    this.#worker = null
    this.#retired.add(running.gone)
    void running.gone.then(() => this.#retired.delete(running.gone))
    running.post({ type: 'stop' })
  }

  /** Ends the worker's jobs, each at the end of its slice, then the worker. What is pending fails. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#worker?.post({ type: 'stop' })
    await Promise.all([this.#worker?.gone, ...this.#retired])
  }

  /** Rejects with what the task threw, or `disk-failed` when the worker died. */
  call<Name extends CallName>(
    session: Session,
    name: Name,
    args: CallArguments<Name>,
    { transfer = [], onBlocks }: CallOptions = {},
  ): Promise<CallResult<Name>> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      const running = this.#running()
      this.#waiting.set(id, {
        answer: (answer) => {
          if (answer.type === 'blocks') return onBlocks?.(answer.path, answer.blocks)
          this.#waiting.delete(id)
          if (answer.type === 'result') resolve(answer.value as CallResult<Name>)
          else if (answer.type === 'failed') reject(unpackError(answer.error))
        },
        fail: reject,
      })
      try {
        running.post({ type: 'call', id, session, name, args }, transfer)
      } catch (error) {
        this.#waiting.delete(id)
        throw error
      }
    })
  }

  /** The listings of a scan, asked for ahead; ending the iteration ends the scan. Rejects as {@link call}. */
  async *list(session: Session, start: RelativePath | ''): AsyncGenerator<Listing, void> {
    const id = ++this.#lastId
    const running = this.#running()
    const inbox = new Inbox()
    this.#waiting.set(id, inbox)
    let isOver = false
    try {
      running.post({ type: 'scan', id, session, start })
      for (;;) {
        const answer = await inbox.next()
        isOver = answer.type !== 'listing'
        if (answer.type === 'failed') throw unpackError(answer.error)
        if (answer.type !== 'listing') return
        running.post({ type: 'scan-more', id })
        yield answer.listing
      }
    } finally {
      this.#waiting.delete(id)
      if (!isOver) running.post({ type: 'scan-stop', id })
    }
  }

  #running(): RunningWorker {
    if (this.#isStopped) throw new P2psyncError('disk-failed', 'the file workers are stopped')
    this.#wasUsed = true
    this.#isTidy = false
    if (this.#worker !== null) return this.#worker
    const running = startWorker(this.#options, {
      onAnswer: (answer) => {
        if ('id' in answer) this.#waiting.get(answer.id)?.answer(answer)
      },
      onGone: (death) => {
        // What is pending by now is another's.
        if (this.#worker === running) this.#onGone(death)
      },
    })
    this.#worker = running
    return running
  }

  #onGone({ cause, wasReady }: Death): void {
    this.#worker = null
    const error = new P2psyncError('disk-failed', 'the thread that works on files ended', {
      hint: 'What it was doing will be tried again.',
      cause,
    })
    const pending = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const waiting of pending) waiting.fail(error)
    if (this.#isStopped) return
    const { logger, name } = this.#options
    logger?.error('file worker died', { worker: name, pending: pending.length, reason: errorText(cause) })
    if (wasReady) this.#running().ready.catch(() => {})
    else this.#cannotStart = true
  }
}

interface Death {
  readonly cause: unknown
  readonly wasReady: boolean
}

interface RunningWorker {
  /** Rejects when the worker dies first. */
  readonly ready: Promise<void>
  readonly gone: Promise<void>
  isReady(): boolean
  post(request: WorkerRequest, transfer?: readonly ArrayBuffer[]): void
}

interface WorkerEvents {
  onAnswer(answer: WorkerAnswer): void
  onGone(death: Death): void
}

function startWorker({ url, name, youngGenerationMb }: WorkerLinkOptions, events: WorkerEvents): RunningWorker {
  const worker = new Worker(url, { name, resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb } })
  const ready = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<void>()
  let wasReady = false
  let cause: unknown = null
  worker.on('message', (answer: WorkerAnswer) => {
    if (answer.type === 'ready') {
      wasReady = true
      ready.resolve()
    } else {
      events.onAnswer(answer)
    }
  })
  worker.on('error', (error: unknown) => {
    cause = error
  })
  worker.on('exit', (exitCode) => {
    cause ??= new Error(`exit code ${exitCode}`)
    // Nobody waits for it when the worker was started by a call: the call itself fails.
    ready.promise.catch(() => {})
    ready.reject(new P2psyncError('disk-failed', `a thread for files cannot start: ${errorText(cause)}`, { cause }))
    events.onGone({ cause, wasReady })
    gone.resolve()
  })
  return {
    ready: ready.promise,
    gone: gone.promise,
    isReady: () => wasReady,
    post: (request, transfer = []) => worker.postMessage(request, [...transfer]),
  }
}

/** The answers to a scan that nobody has taken yet. */
class Inbox implements Waiting {
  readonly #answers: WorkerAnswer[] = []
  #error: Error | null = null
  #wake: (() => void) | null = null

  answer(answer: WorkerAnswer): void {
    this.#answers.push(answer)
    this.#wake?.()
  }

  fail(error: Error): void {
    this.#error = error
    this.#wake?.()
  }

  async next(): Promise<WorkerAnswer> {
    for (;;) {
      const answer = this.#answers.shift()
      if (answer !== undefined) return answer
      if (this.#error !== null) throw this.#error
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
