import type { FileRecord } from '../model/file-record.ts'
import type { KeyValueStore, StoreEntry } from '../ports/key-value-store.ts'
import { logKey } from './index-keys.ts'
import { decodeLogRow, firstSeq, type LogEntry } from './log-row.ts'
import { decodeRow, rowHead } from './row-codec.ts'
import type { RowReader } from './row-reader.ts'

/**
 * Up to `limit` records that the log has after `after` and up to `upTo`, as they are now; `toSeq` is how far they reach. A
 * change that was overtaken by a later one is passed over.
 */
export async function readLog(
  store: KeyValueStore,
  reader: RowReader,
  part: { readonly after: number; readonly upTo: number; readonly limit: number },
): Promise<{ records: FileRecord[]; toSeq: number }> {
  const records: FileRecord[] = []
  for await (const rows of logRowsBetween(store, part.after + 1, part.upTo)) {
    for (const [key, value] of rows) {
      const entries = decodeLogRow(key, value).filter(({ seq }) => seq > part.after && seq <= part.upTo)
      for (let at = 0; at < entries.length;) {
        const asked = entries.slice(at, at + part.limit - records.length)
        for (const row of await currentRows(reader, asked)) if (row !== null) records.push(decodeRow(row).record)
        if (records.length === part.limit) return { records, toSeq: asked.at(-1)!.seq }
        at += asked.length
      }
    }
  }
  return { records, toSeq: part.upTo }
}

/** The rows of the log that may have changes from `first` to `last`. */
async function* logRowsBetween(
  store: KeyValueStore,
  first: number,
  last: number,
): AsyncGenerator<readonly StoreEntry[]> {
  for (;;) {
    const start = await logRowBefore(store, first)
    let found = start === null
    const range = { from: start?.[0] ?? logKey(first), to: logKey(last + 1), pageEntries: 16 }
    for await (const rows of store.pages(range)) {
      found ||= firstSeq(rows[0]![0]) === firstSeq(start![0])
      if (!found) break
      yield rows
    }
    if (found) return
    // The log was shortened since we asked.
  }
}

/** The row of the log that begins at `seq` or is the last one before it: the one that has `seq`, if any has. */
export async function logRowBefore(store: KeyValueStore, seq: number): Promise<StoreEntry | null> {
  const range = { from: logKey(0), to: logKey(seq + 1), reverse: true, limit: 1 }
  for await (const entries of store.pages(range)) return entries[0] ?? null
  return null
}

/** The row that each of these changes left, null for those that were overtaken. */
export async function currentRows(reader: RowReader, entries: readonly LogEntry[]): Promise<(Uint8Array | null)[]> {
  const rows = await reader.getManyKeys(entries.map(({ key }) => key))
  return rows.map((row, i) => (row !== undefined && rowHead(row).seq === entries[i]!.seq ? row : null))
}
