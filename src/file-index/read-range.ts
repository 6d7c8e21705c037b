import type { KeyValueStore, StoreEntry, StoreRange } from '../ports/key-value-store.ts'

/** All entries of a range that is known to be small. */
export async function readRange(store: KeyValueStore, range: StoreRange): Promise<StoreEntry[]> {
  const entries: StoreEntry[] = []
  for await (const page of store.pages(range)) for (const entry of page) entries.push(entry)
  return entries
}
