import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { NodeDisk } from '../disk/node-disk.ts'
import { assert } from '../model/errors.ts'
import { packError } from '../workers/packed-error.ts'
import { describeItems } from './describe-items.ts'
import {
  batchesAhead,
  packItems,
  unpackItems,
  type PackedItems,
  type ReaderAnswer,
  type ReaderRequest,
} from './reader-messages.ts'
import { walkTree } from './walk-tree.ts'

// The entry of a thread that reads folders: see TreeReaders, which starts and ends it.
assert(parentPort !== null, 'a reader is started as a thread')
const port = parentPort
const disk = new NodeDisk()

/** How many batches a walk may still send, and how it is told that there may be more; 0 for ever when nobody listens. */
const allowances = new Map<number, { left: number; wake: () => void }>()

port.on('message', (request: ReaderRequest) => {
  switch (request.type) {
    case 'walk':
      void answering(request.id, () => walk(request))
      break
    case 'describe':
      void answering(request.id, () => describe(request))
      break
    case 'more': {
      const allowance = allowances.get(request.id)
      if (allowance !== undefined) allowance.left++
      allowance?.wake()
      break
    }
    case 'enough': {
      const allowance = allowances.get(request.id)
      allowances.delete(request.id)
      allowance?.wake()
      break
    }
  }
})

async function walk({ id, root, options }: Extract<ReaderRequest, { type: 'walk' }>): Promise<void> {
  const allowance = { left: batchesAhead, wake: (): void => undefined }
  allowances.set(id, allowance)
  for (const { items, problems } of walkTree(disk, root, options)) {
    const packed = packItems(items)
    post({ type: 'batch', id, items: packed, problems }, packed)
    allowance.left--
    await nextTurn()
    while (allowance.left === 0 && allowances.has(id)) {
      await new Promise<void>((resolve) => (allowance.wake = resolve))
    }
    if (!allowances.has(id)) return
  }
  allowances.delete(id)
  post({ type: 'walked', id })
}

async function describe({ id, root, items, options }: Extract<ReaderRequest, { type: 'describe' }>): Promise<void> {
  const deps = { disk, root, turn: () => nextTurn(), sleep: (milliseconds: number) => sleep(milliseconds) }
  const description = await describeItems(deps, unpackItems(items), options)
  port.postMessage({ type: 'described', id, description } satisfies ReaderAnswer, [description.text.buffer])
}

async function answering(id: number, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    post({ type: 'failed', id, error: packError(error) })
  }
}

function post(answer: ReaderAnswer, handedOver: PackedItems | null = null): void {
  port.postMessage(answer, handedOver === null ? [] : [handedOver.words.buffer])
}
