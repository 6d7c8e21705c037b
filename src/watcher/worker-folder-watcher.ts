import { Worker } from 'node:worker_threads'

import { assert, errorText, P2psyncError } from '../model/errors.ts'
import type { FolderWatcher, WatchHint } from '../ports/folder-watcher.ts'
import type { WatchMessage, WatchWorkerData } from './watch-messages.ts'

export interface WorkerFolderWatcherOptions {
  /** What `readQueuedEventsMax` returns. */
  readonly queuedEventsMax: number
  /** Trees of so many entries are watched folder by folder. Decision 0009 has the figures behind the default. */
  readonly folderLevelFrom?: number
}

/**
 * Watches one folder in a thread of its own, so that whatever the caller's thread does loses no event. While that is busy
 * the thread collects, up to a bound; then it says `overflow`.
 */
export class WorkerFolderWatcher implements FolderWatcher {
  readonly #options: WorkerFolderWatcherOptions
  #worker: Worker | null = null
  #state: 'starting' | 'ready' | 'stopping' = 'starting'

  constructor(options: WorkerFolderWatcherOptions) {
    this.#options = options
  }

  /** @throws {P2psyncError} `limit`; `node-failed` when the thread ends by itself, or is stopped, before it is ready. */
  async start(root: string, onHint: (hint: WatchHint) => void): Promise<void> {
    assert(this.#worker === null, 'a watcher is started once')
    const { queuedEventsMax, folderLevelFrom = folderLevelFromDefault } = this.#options
    const workerData: WatchWorkerData = { root, queuedEventsMax, folderLevelFrom }
    const worker = new Worker(workerUrl, { name: 'p2psync-watch', workerData, resourceLimits })
    this.#worker = worker
    try {
      await this.#becomeReady(worker, onHint)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#state = 'stopping'
    await this.#worker?.terminate()
  }

  #becomeReady(worker: Worker, onHint: (hint: WatchHint) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      let failure = 'the thread that watches it has ended'
      worker.on('message', (message: WatchMessage) => {
        if (this.#state === 'stopping') return
        if (message.type === 'refused') reject(new P2psyncError(message.code, message.reason, { hint: message.hint }))
        else if (message.type === 'ready') {
          this.#state = 'ready'
          resolve()
        } else {
          onHint(message.hint)
          worker.postMessage('taken', [])
        }
      })
      worker.on('error', (error) => {
        failure = `the thread that watches it failed: ${errorText(error)}`
      })
      worker.on('exit', () => {
        reject(new P2psyncError('node-failed', failure, { hint }))
        if (this.#state === 'ready') onHint({ type: 'failed', reason: failure, hint })
      })
    })
  }
}

const hint = 'Changes are found by scanning from time to time; start the node again to watch.'

const folderLevelFromDefault = process.platform === 'linux' ? 1000 : Infinity

// Almost all it makes is garbage at once; a large young generation would only hold more of that.
const resourceLimits = { maxYoungGenerationSizeMb: 2 }

// Run from the sources by Node itself, or built.
const workerUrl = new URL(`./watch-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)
