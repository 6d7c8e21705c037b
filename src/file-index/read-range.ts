import type { KeyValueStore, StoreEntry, StoreRange } from '../ports/key-value-store.ts'

/** All entries of a range that is known to be small. */
export async function readRange(store: KeyValueStore, range: StoreRange): Promise<StoreEntry[]> {
  const entries: StoreEntry[] = []
  for await (const page of store.pages(range)) for (const entry of page) entries.push(entry)
  return entries
}

/** Reads many small ranges, several at a time. */
export async function readRanges(store: KeyValueStore, ranges: readonly StoreRange[]): Promise<StoreEntry[][]> {
  const results: StoreEntry[][] = []
  for (let at = 0; at < ranges.length; at += rangesAtOnce) {
    const part = ranges.slice(at, at + rangesAtOnce)
    results.push(...(await Promise.all(part.map((range) => readRange(store, range)))))
  }
  return results
}

const rangesAtOnce = 32
