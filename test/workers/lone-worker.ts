import { parentPort, threadName } from 'node:worker_threads'
import type { WorkerAnswer, WorkerRequest } from '../../src/workers/worker-messages.ts'

// Stands in for a file worker that cannot be the second one: answers `readMarker` with null.
if (threadName !== 'files') throw new Error('there is no room for another')
const port = parentPort!
port.on('message', (request: WorkerRequest) => {
  if (request.type === 'stop') port.close()
  if (request.type !== 'call' || request.name !== 'readMarker') return
  port.postMessage({ type: 'result', id: request.id, value: null } satisfies WorkerAnswer)
})
port.postMessage({ type: 'ready' } satisfies WorkerAnswer)
