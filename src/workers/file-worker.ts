import { parentPort } from 'node:worker_threads'
import { ConfinedDisk } from '../disk/confined-disk.ts'
import { assert } from '../model/errors.ts'
import { SpareHeap, threadHeap } from './spare-heap.ts'
import { TaskHost } from './task-host.ts'
import type { WorkerAnswer, WorkerRequest } from './worker-messages.ts'

// The entry of a file worker's thread: see FileWorkerPool, which starts it.
assert(parentPort !== null, 'a file worker is started as a thread')
const port = parentPort
const host = new TaskHost({
  openDisk: (root) => new ConfinedDisk(root),
  send: (answer, transfer) => port.postMessage(answer, transfer),
})
const spare = new SpareHeap(threadHeap())

port.on('message', (request: WorkerRequest) => {
  if (request.type === 'stop') void host.close().then(() => port.close())
  else if (request.type === 'tidy') spare.giveBack()
  else host.handle(request)
})
port.postMessage({ type: 'ready' } satisfies WorkerAnswer)
