import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { errorText, P2psyncError } from '../model/errors.ts'
import { unpackError } from '../workers/packed-error.ts'
import type { DescribeOptions, Description } from './describe-items.ts'
import { packItems, unpackItems, type ReaderAnswer, type ReaderRequest } from './reader-messages.ts'
import type { TreeBatch, TreeItem, WalkOptions } from './walk-tree.ts'

/**
 * Threads that read folders and change nothing in them, one for each processor up to four. They start when they are
 * first needed, and end with {@link stop}.
 */
export class TreeReaders {
  readonly #threads: ReaderThread[] = []
  readonly #threadsMax: number

  constructor({ threads = Math.min(4, availableParallelism()) }: { readonly threads?: number } = {}) {
    this.#threadsMax = threads
  }

  get threadsMax(): number {
    return this.#threadsMax
  }

  /** Walks `root` (see walk-tree.ts), on a thread. Rejects with what the walk threw. */
  walk(root: string, options: WalkOptions): AsyncGenerator<TreeBatch, void> {
    return this.#idlest().walk(root, options)
  }

  /** Hashes and describes items of `root` (see describe-items.ts), on the thread that has the least to do. */
  describe(root: string, items: readonly TreeItem[], options: DescribeOptions): Promise<Description> {
    return this.#idlest().describe(root, items, options)
  }

  /** Ends the threads at once; what is pending is rejected. */
  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()))
  }

  #idlest(): ReaderThread {
    let idlest: ReaderThread | null = null
    for (const thread of this.#threads) if (idlest === null || thread.load < idlest.load) idlest = thread
    if (idlest !== null && (idlest.load === 0 || this.#threads.length === this.#threadsMax)) return idlest
    const started = new ReaderThread()
    this.#threads.push(started)
    return started
  }
}

/** Takes the answers to one request. */
interface Waiting {
  readonly onAnswer: (answer: ReaderAnswer) => void
  readonly onError: (error: unknown) => void
}

class ReaderThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  /** Bytes that it was asked to hash, and a little for each file. */
  #load = 0
  #death: P2psyncError | null = null

  constructor() {
    const worker = new Worker(workerUrl, { name: 'p2psync-read', resourceLimits: { maxYoungGenerationSizeMb: 8 } })
    this.#worker = worker
    let cause: unknown = null
    worker.on('message', (answer: ReaderAnswer) => this.#waiting.get(answer.id)?.onAnswer(answer))
    worker.on('error', (error: unknown) => (cause = error))
    worker.on('exit', () => {
      const why = cause === null ? 'it was stopped' : errorText(cause)
      this.#death = new P2psyncError('disk-failed', `a thread that reads the folder ended: ${why}`, { cause })
      for (const { onError } of this.#waiting.values()) onError(this.#death)
      this.#waiting.clear()
    })
  }

  get load(): number {
    return this.#load
  }

  async describe(root: string, items: readonly TreeItem[], options: DescribeOptions): Promise<Description> {
    const load = items.reduce((sum, { disk }) => sum + (disk.kind === 'file' ? disk.sizeBytes : 0) + itemLoad, 0)
    const id = ++this.#lastId
    this.#load += load
    try {
      return await new Promise<Description>((resolve, reject) => {
        const onAnswer = (answer: ReaderAnswer): void => {
          if (answer.type === 'described') resolve(answer.description)
          else if (answer.type === 'failed') reject(unpackError(answer.error))
        }
        this.#wait(id, { onAnswer, onError: reject })
        const packed = packItems(items)
        this.#post({ type: 'describe', id, root, items: packed, options }, [packed.words.buffer])
      })
    } finally {
      this.#waiting.delete(id)
      this.#load -= load
    }
  }

  async *walk(root: string, options: WalkOptions): AsyncGenerator<TreeBatch, void> {
    const id = ++this.#lastId
    const answers: ReaderAnswer[] = []
    let failure: { readonly error: unknown } | null = null
    let wake = (): void => undefined
    const onAnswer = (answer: ReaderAnswer): void => {
      answers.push(answer)
      wake()
    }
    const onError = (error: unknown): void => {
      failure = { error }
      wake()
    }
    this.#wait(id, { onAnswer, onError })
    this.#load += itemLoad
    try {
      this.#post({ type: 'walk', id, root, options })
      for (;;) {
        const answer = answers.shift()
        if (answer === undefined) {
          if (failure !== null) throw (failure as { readonly error: unknown }).error
          await new Promise<void>((resolve) => (wake = resolve))
        } else if (answer.type === 'batch') {
          this.#post({ type: 'more', id })
          yield { items: unpackItems(answer.items), problems: answer.problems }
        } else if (answer.type === 'failed') throw unpackError(answer.error)
        else return
      }
    } finally {
      this.#waiting.delete(id)
      this.#load -= itemLoad
      this.#post({ type: 'enough', id })
    }
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  #wait(id: number, waiting: Waiting): void {
    if (this.#death === null) this.#waiting.set(id, waiting)
    else waiting.onError(this.#death)
  }

  #post(request: ReaderRequest, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer)
  }
}

// A file costs as much as this many bytes, whatever is in it.
const itemLoad = 32 * 1024

// The sources run as .ts, what was built from them as .js.
const workerUrl = new URL(`./reader-worker${extname(import.meta.url)}`, import.meta.url)
