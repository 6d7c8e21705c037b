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
 * The threads that touch the disk: one for what leads outwards (scan, hash, read for a peer), one for what leads inwards
 * (stage, finish, apply), so that sending and receiving do not wait for each other. Shared by all folders.
 */
export class FileWorkerPool {
  readonly #options: FileWorkerPoolOptions
  #outwards: WorkerLink | null = null
  #inwards: WorkerLink | null = null
  #lastSession = 0

  constructor(options: FileWorkerPoolOptions = {}) {
    this.#options = options
  }

  /** Resolves when the threads are ready. With one thread, it does both. @throws {P2psyncError} `disk-failed`. */
  async start({ threads = 2 }: { threads?: 1 | 2 } = {}): Promise<void> {
    this.#outwards = this.#newLink('files-out')
    this.#inwards = threads === 1 ? this.#outwards : this.#newLink('files-in')
    await Promise.all(this.links.map((link) => link.start()))
  }

  /** Ends all jobs at the end of their slice; calls that are pending fail. */
  async stop(): Promise<void> {
    await Promise.all(this.links.map((link) => link.stop()))
  }

  /** A session of its own for a folder at an absolute path. */
  newSession(root: string): Session {
    return { number: ++this.#lastSession, root }
  }

  /** The thread that does this; what a scan does much of goes to both, unless it is little. */
  linkFor(name: CallName | 'scan'): WorkerLink {
    const [outwards, inwards] = [this.#outwards, this.#inwards]
    if (outwards === null || inwards === null) {
      throw new P2psyncError('disk-failed', 'the file workers are not started')
    }
    if (name === 'look' || name === 'hash') return inwards.pending + 1 < outwards.pending ? inwards : outwards
    return outwardCalls.has(name) ? outwards : inwards
  }

  get links(): readonly WorkerLink[] {
    return [...new Set([this.#outwards, this.#inwards])].filter((link) => link !== null)
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

const outwardCalls: ReadonlySet<CallName | 'scan'> = new Set(['scan', 'lstat', 'readBlocks', 'findBlocks'])
