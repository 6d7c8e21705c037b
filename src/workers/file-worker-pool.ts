import { extname } from 'node:path'
import { P2psyncError } from '../model/errors.ts'
import type { Logger } from '../ports/logger.ts'
import { WorkerLink } from './worker-link.ts'
import type { CallName, Session } from './worker-messages.ts'

export interface FileWorkerPoolOptions {
  readonly logger?: Logger
  /** The entry of the threads; another one only in tests. */
  readonly url?: URL
}

/**
 * The threads that touch the disk. The first is always there. The second comes when there is more to do than one thing, and
 * goes when it has rested for a while: until it is ready the first does its part, so that nothing waits for it to start.
 * While there are two, one does what leads outwards (scan, hash, read for a peer) and the other what leads inwards (stage,
 * finish, apply), so that sending and receiving do not wait for each other. Shared by all folders.
 */
export class FileWorkerPool {
  readonly #options: FileWorkerPoolOptions
  #first: WorkerLink | null = null
  #second: WorkerLink | null = null
  #lastSession = 0

  constructor(options: FileWorkerPoolOptions = {}) {
    this.#options = options
  }

  /** Resolves when the first thread is ready. With one thread, it does all. @throws {P2psyncError} `disk-failed`. */
  async start({ threads = 2 }: { threads?: 1 | 2 } = {}): Promise<void> {
    this.#first = this.#newLink('files')
    if (threads === 2) {
      this.#second = this.#newLink('files-more')
      this.#second.open()
    }
    await this.#first.start()
  }

  /** Ends all jobs at the end of their slice; calls that are pending fail. */
  async stop(): Promise<void> {
    await Promise.all(this.links.map((link) => link.stop()))
  }

  /**
   * To be called from time to time. Of threads that were asked for nothing since the last call, the second ends, and the
   * first gives back the memory that its work has left.
   */
  rest(): void {
    if (this.#second?.takeIdle() === true) this.#second.retire()
    if (this.#first?.takeIdle() === true) this.#first.tidy()
  }

  /** A session of its own for a folder at an absolute path. */
  newSession(root: string): Session {
    return { number: ++this.#lastSession, root }
  }

  /** The thread that does this; what there is much of goes to both, unless it is little. */
  linkFor(name: CallName | 'scan'): WorkerLink {
    const [first, second] = [this.#first, this.#second]
    if (first === null) throw new P2psyncError('disk-failed', 'the file workers are not started')
    if (second === null || outwardCalls.has(name)) return first
    if (!second.isReady) {
      if (first.pending > 0) second.begin()
      return first
    }
    return sharedCalls.has(name) && first.pending <= second.pending ? first : second
  }

  get links(): readonly WorkerLink[] {
    return [this.#first, this.#second].filter((link) => link !== null)
  }

  #newLink(name: string): WorkerLink {
    const { url = fileWorkerUrl, logger = null } = this.#options
    return new WorkerLink({ url, name, youngGenerationMb, logger })
  }
}

// The sources run as .ts, what was built from them as .js.
const fileWorkerUrl = new URL(`./file-worker${extname(import.meta.url)}`, import.meta.url)

// A nursery that fits the cache of a core; what lives longer is mostly buffers, which are outside of it.
const youngGenerationMb = 4

/** What a scan or a large edit does much of, and nothing waits for in its order. */
const sharedCalls: ReadonlySet<CallName | 'scan'> = new Set(['look', 'hash', 'stageLocal'])
const outwardCalls: ReadonlySet<CallName | 'scan'> = new Set(['scan', 'lstat', 'readBlocks', 'findBlocks'])
