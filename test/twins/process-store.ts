import type { KeyValueStore, StoreEntry } from '../../src/ports/key-value-store.ts'

/** A database as one process sees it: closing it leaves it as it is, and once the process is dead nothing is written. */
export class ProcessStore implements KeyValueStore {
  readonly #store: KeyValueStore
  #isDead = false

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  die(): void {
    this.#isDead = true
  }

  get: KeyValueStore['get'] = (key) => this.#store.get(key)

  getMany: KeyValueStore['getMany'] = (keys) => this.#store.getMany(keys)

  batch: KeyValueStore['batch'] = (operations, options) => {
    if (this.#isDead) return Promise.reject(new Error('the process is dead'))
    return this.#store.batch(operations, options)
  }

  pages: KeyValueStore['pages'] = (range) => this.#store.pages(range)

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Everything in a store. */
export async function dumpStore(store: KeyValueStore): Promise<StoreEntry[]> {
  const entries: StoreEntry[] = []
  for await (const page of store.pages(everything)) entries.push(...page)
  return entries
}

/** Makes a store hold `entries` and nothing else. */
export async function restoreStore(store: KeyValueStore, entries: readonly StoreEntry[]): Promise<void> {
  const old = await dumpStore(store)
  await store.batch([
    ...old.map(([key]) => ({ type: 'del', key }) as const),
    ...entries.map(([key, value]) => ({ type: 'put', key, value }) as const),
  ])
}

const everything = { from: new Uint8Array(0), to: Uint8Array.of(0xff) }
