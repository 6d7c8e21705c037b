import type { FileRecord } from '../model/file-record.ts'
import { controlFrameBytesMax } from '../model/limits.ts'

/** What one frame holds of records, so that it fits whatever else is in it. */
const frameRecordBytesMax = controlFrameBytesMax / 2

/** No encoded record is larger than this: three bytes for each UTF-16 unit of its texts, 32 for each version entry. */
function recordSizeMax(record: FileRecord): number {
  const texts = record.path.length + record.linkTarget.length + record.basis.length
  return 300 + texts * 3 + record.version.length * 32
}

/** Parts that fit a frame each, in order; at least one. */
export function splitBySize(records: readonly FileRecord[]): FileRecord[][] {
  const parts: FileRecord[][] = [[]]
  let bytes = 0
  for (const record of records) {
    const size = recordSizeMax(record)
    if (bytes + size > frameRecordBytesMax && bytes > 0) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)!.push(record)
    bytes += size
  }
  return parts
}
