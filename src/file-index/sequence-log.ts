import type { FileRecord } from '../model/file-record.ts'
import type { KeyValueStore } from '../ports/key-value-store.ts'
import { decodeSeq } from './index-head.ts'
import { logKey } from './index-keys.ts'
import { readRange } from './read-range.ts'
import { decodeRow } from './row-codec.ts'
import type { RowReader } from './row-reader.ts'

/**
 * Up to `limit` records that the log has after `after` and up to `upTo`, as they are now; `toSeq` is how far they reach.
 */
export async function readLog(
  store: KeyValueStore,
  reader: RowReader,
  part: { readonly after: number; readonly upTo: number; readonly limit: number },
): Promise<{ records: FileRecord[]; toSeq: number }> {
  const log = await readRange(store, { from: logKey(part.after + 1), to: logKey(part.upTo + 1), limit: part.limit })
  const rows = await reader.getManyKeys(log.map(([, key]) => key))
  const records = rows.flatMap((row) => (row === undefined ? [] : [decodeRow(row).record]))
  return { records, toSeq: log.length < part.limit ? part.upTo : decodeSeq(log.at(-1)![0].subarray(1)) }
}
