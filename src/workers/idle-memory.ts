import { performance } from 'node:perf_hooks'
import type { Clock } from '../ports/clock.ts'
import type { FileWorkerPool } from './file-worker-pool.ts'
import { SpareHeap, threadHeap } from './spare-heap.ts'

export interface IdleMemoryDeps {
  readonly clock: Pick<Clock, 'sleep'>
  readonly pool: Pick<FileWorkerPool, 'rest'>
  /** The heap of the thread that calls; another one only in tests. */
  readonly heap?: Pick<SpareHeap, 'giveBack'>
  /** The part of the time since the last call, 0 to 1, in which the thread that calls was busy. */
  readonly load?: () => number
}

/** Looks every few seconds whether the process rests, and then gives back the memory and the threads that work has left. */
export class IdleMemory {
  readonly #deps: Required<IdleMemoryDeps>
  readonly #stopping = new AbortController()
  #running: Promise<void> | null = null

  constructor({ heap = new SpareHeap(threadHeap()), load = loadMeter(), ...deps }: IdleMemoryDeps) {
    this.#deps = { ...deps, heap, load }
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, pool, heap, load } = this.#deps
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await clock.sleep(lookEveryMs, signal).catch(() => undefined)
      if (signal.aborted) return
      pool.rest()
      if (load() < restLoadMax) heap.giveBack()
    }
  }
}

function loadMeter(): () => number {
  let before = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return utilization
  }
}

const lookEveryMs = 5000
const restLoadMax = 0.05
