import { parentPort } from 'node:worker_threads'
import type { WorkerAnswer, WorkerRequest } from '../../src/workers/worker-messages.ts'

// Stands in for a file worker: answers `readMarker` with null, dies of `listStaged`, and leaves all else unanswered.
const port = parentPort!
port.on('message', (request: WorkerRequest) => {
  if (request.type === 'stop') port.close()
  if (request.type !== 'call') return
  if (request.name === 'listStaged') throw new Error('died of it')
  if (request.name === 'readMarker') {
    port.postMessage({ type: 'result', id: request.id, value: null } satisfies WorkerAnswer)
  }
})
port.postMessage({ type: 'ready' } satisfies WorkerAnswer)
