import type { KeyValueStore, StoreEntry, StoreOperation, StoreRange } from '../../src/ports/key-value-store.ts'

/**
 * A store in memory that knows what of it a power cut leaves: batches reach the disk in their order, at the latest with
 * the next `durable` one. Costs a microtask a call, so that a simulator need not wait for it.
 */
export class OrderedStore implements KeyValueStore {
  /** Called before each operation; may throw to make it fail. */
  onCall: ((operation: keyof KeyValueStore) => void) | undefined
  /** Latin-1 of the keys, in order. */
  readonly #keys: string[] = []
  readonly #values = new Map<string, Uint8Array>()
  /** For each batch that is not durable yet, what its keys had before. */
  #undo: (readonly [key: string, value: Uint8Array | undefined])[][] = []

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.onCall?.('get')
    return this.#values.get(textOf(key))
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    this.onCall?.('getMany')
    return keys.map((key) => this.#values.get(textOf(key)))
  }

  async batch(operations: readonly StoreOperation[], options: { durable?: boolean } = {}): Promise<void> {
    this.onCall?.('batch')
    const undo: [string, Uint8Array | undefined][] = []
    for (const operation of operations) {
      const key = textOf(operation.key)
      undo.push([key, this.#values.get(key)])
      this.#set(key, operation.type === 'put' ? operation.value.slice() : undefined)
    }
    if (options.durable === true) this.#undo = []
    else this.#undo.push(undo)
  }

  async *pages({ from, to, reverse, limit, pageEntries = 1000 }: StoreRange): AsyncGenerator<readonly StoreEntry[]> {
    this.onCall?.('pages')
    const keys = this.#keys.slice(this.#place(textOf(from)), this.#place(textOf(to)))
    if (reverse === true) keys.reverse()
    const wanted = limit === undefined || limit < 0 ? keys : keys.slice(0, limit)
    // As it was when the walk began.
    const entries = wanted.map((key): StoreEntry => [Buffer.from(key, 'latin1'), this.#values.get(key)!])
    for (let at = 0; at < entries.length; at += pageEntries) yield entries.slice(at, at + pageEntries)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** No power cut takes what was written before. */
  makeDurable(): void {
    this.#undo = []
  }

  /** Takes back the last `share` (0 to 1) of the batches that are not durable. */
  cutPower(share: number): void {
    const kept = this.#undo.length - Math.round(this.#undo.length * share)
    for (const batch of this.#undo.splice(kept).toReversed()) {
      for (const [key, value] of batch.toReversed()) this.#set(key, value)
    }
    this.#undo = []
  }

  #set(key: string, value: Uint8Array | undefined): void {
    if (value === undefined) {
      if (this.#values.delete(key)) this.#keys.splice(this.#place(key), 1)
      return
    }
    if (!this.#values.has(key)) this.#keys.splice(this.#place(key), 0, key)
    this.#values.set(key, value)
  }

  /** Where `key` is or would be. */
  #place(key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#keys[middle]! < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}
