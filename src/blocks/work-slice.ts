/**
 * Counts work, so that a generator on a file worker yields often enough for other jobs: a slice is 8 MiB of data, or
 * 200 files of next to nothing.
 */
export class WorkSlice {
  #leftBytes = sliceBytes

  /** True when this piece of work ends a slice: time to yield. */
  spend(bytes: number): boolean {
    this.#leftBytes -= bytes + operationBytes
    if (this.#leftBytes > 0) return false
    this.#leftBytes = sliceBytes
    return true
  }
}

const sliceBytes = 8 * 1024 * 1024
const operationBytes = sliceBytes / 200
