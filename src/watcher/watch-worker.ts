import { once } from 'node:events'
import { setTimeout as timeout } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

import { assert, errorText, P2psyncError } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import { AdaptiveWatcher } from './adaptive-watcher.ts'
import type { WatchMessage, WatchWorkerData } from './watch-messages.ts'
import { realWatchedDisk } from './watched-disk.ts'

// The entry of the thread that does nothing but watch. It ends when it is terminated.
const port = parentPort
assert(port !== null, 'the watch worker is the entry of a worker thread')
const { root, queuedEventsMax, folderLevelFrom } = workerData as WatchWorkerData

const post = (message: WatchMessage) => port.postMessage(message)
const clock: Pick<Clock, 'sleep'> = {
  sleep: async (milliseconds, signal) => {
    await timeout(milliseconds, undefined, signal === undefined ? {} : { signal })
  },
}
const beginningMs = 10_000
const watcher = new AdaptiveWatcher({ queuedEventsMax, folderLevelFrom, clock, disk: realWatchedDisk })
try {
  await watcher.start(root, async (hint) => {
    post({ type: 'hint', hint })
    await once(port, 'message')
  })
  post({ type: 'ready' })
  // What it took to begin is not needed any more; `--expose-gc` is set by cli/bin.js.
  void clock.sleep(beginningMs).then(() => globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' }))
} catch (error) {
  const known = error instanceof P2psyncError ? error : null
  post({ type: 'refused', code: known?.code ?? 'node-failed', reason: errorText(error), hint: known?.hint ?? '' })
}
