/** An ordered map of byte strings with atomic batches: LevelDB, or memory in tests. Keys are ordered as unsigned bytes. */
export interface KeyValueStore {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /** Values in the order of the keys. */
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>
  /** All or nothing. With `durable` it has reached the disk when the promise resolves. */
  batch(operations: readonly StoreOperation[], options?: { durable?: boolean }): Promise<void>
  /** Entries with `from <= key < to` in order (or reversed), in pages of up to `pageEntries` (default 1000). */
  pages(range: StoreRange): AsyncIterable<readonly StoreEntry[]>
  close(): Promise<void>
}

export type StoreOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

export type StoreEntry = readonly [key: Uint8Array, value: Uint8Array]

export interface StoreRange {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly reverse?: boolean
  readonly limit?: number
  readonly pageEntries?: number
}
