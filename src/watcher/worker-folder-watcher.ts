import { Worker } from 'node:worker_threads'

import { assert, errorText, P2psyncError } from '../model/errors.ts'
import type { FolderWatcher, WatchHint } from '../ports/folder-watcher.ts'
import type { WatchMessage, WatchWorkerData } from './watch-messages.ts'

/**
 * Watches one folder in a thread of its own, so that whatever the caller's thread does loses no event. While that is busy
 * the thread collects, up to a bound; then it says `overflow`.
 */
export class WorkerFolderWatcher implements FolderWatcher {
  readonly #queuedEventsMax: number
  #worker: Worker | null = null
  #state: 'starting' | 'ready' | 'stopping' = 'starting'

  /** `queuedEventsMax`: what `readQueuedEventsMax` returns. */
  constructor(options: { readonly queuedEventsMax: number }) {
    this.#queuedEventsMax = options.queuedEventsMax
  }

  /** @throws {P2psyncError} `limit`; `node-failed` when the thread ends by itself, or is stopped, before it is ready. */
  async start(root: string, onHint: (hint: WatchHint) => void): Promise<void> {
    assert(this.#worker === null, 'a watcher is started once')
    const workerData: WatchWorkerData = { root, queuedEventsMax: this.#queuedEventsMax }
    const worker = new Worker(workerUrl, { name: 'p2psync-watch', workerData })
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

// Run from the sources by Node itself, or built.
const workerUrl = new URL(`./watch-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)
