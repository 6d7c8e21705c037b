import { getHeapStatistics } from 'node:v8'

/** The heap of one thread. */
export interface Heap {
  /** What it has of the system's memory, garbage and arrays outside of it included. */
  sizeBytes(): number
  /** Collects all garbage at once and returns the memory. */
  collect(): void
}

/** Of the thread that calls. Null where Node runs without `--expose-gc`: see cli/bin.js. */
export function threadHeap(): Heap | null {
  const collect = globalThis.gc
  if (collect === undefined) return null
  return {
    sizeBytes: () => {
      const { total_heap_size: heapBytes, external_memory: outsideBytes } = getHeapStatistics()
      return heapBytes + outsideBytes
    },
    collect: () => {
      // A plain collection keeps the pages that it empties, and leaves others half full.
      collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    },
  }
}

/**
 * V8 collects when a program makes garbage. One that has just stopped to work keeps what it made last, and the memory for
 * it, for as long as it rests: this is for whoever knows that it rests.
 */
export class SpareHeap {
  readonly #heap: Heap | null
  #keptBytes = 0

  constructor(heap: Heap | null) {
    this.#heap = heap
  }

  /** Collects, if the heap has grown enough since the last time to be worth it. */
  giveBack(): void {
    if (this.#heap === null || this.#heap.sizeBytes() < this.#keptBytes + worthBytes) return
    this.#heap.collect()
    this.#keptBytes = this.#heap.sizeBytes()
  }
}

/** It takes some milliseconds for each ten megabytes in use. */
const worthBytes = 4 * 1024 * 1024
