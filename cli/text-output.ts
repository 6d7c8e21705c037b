import type { Output } from './cli-context.ts'

/** Text of any length to a reader that may be slow, or go away (`| head`), which is no error. */
export class TextOutput {
  readonly #output: Output
  readonly #ended = new AbortController()
  #waiting: (() => void) | null = null

  constructor(output: Output) {
    this.#output = output
    const end = (): void => {
      this.#ended.abort()
      this.#waiting?.()
    }
    output.once?.('error', end)
    output.once?.('close', end)
  }

  /** Aborted when nobody reads any more. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /** Resolves when more may be written. */
  async write(text: string): Promise<void> {
    if (this.#ended.signal.aborted) return
    if (this.#output.write(text) !== false || this.#output.once === undefined) return
    await new Promise<void>((resolve) => {
      this.#waiting = resolve
      this.#output.once!('drain', resolve)
    })
    this.#waiting = null
  }
}
