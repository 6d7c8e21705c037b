/** Lets work in flight hold at most so many bytes; one piece of work that is larger passes alone. */
export class ByteBudget {
  readonly #limitBytes: number
  #usedBytes = 0
  #waiting: (() => void)[] = []

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  async acquire(bytes: number): Promise<void> {
    while (this.#usedBytes > 0 && this.#usedBytes + bytes > this.#limitBytes) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#usedBytes += bytes
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
