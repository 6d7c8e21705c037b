import type { FetchBlock } from '../blocks/plan-fetch.ts'
import type { BlockHash } from '../model/block-hash.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { LocalBlock } from '../ports/file-tasks.ts'
import type { FileWant } from './block-messages.ts'

const localBatchBytes = 8 * 1024 * 1024

/** A file whose bytes have to be staged. */
export interface FetchFile {
  /** Of a file that is not hashed yet the content is the id of its draft. */
  readonly record: Pick<FileRecord, 'path' | 'content' | 'sizeBytes'>
  readonly sources: ReadonlySet<DeviceId>
  readonly staged: string
  /** What this path holds here now; null when it holds no file. */
  readonly local: { readonly content: BlockHash; readonly sizeBytes: number } | null
}

/** The wants of one request; blocks of one file follow one another. */
export function wantsOf(blocks: readonly FetchBlock[], files: ReadonlyMap<string, FetchFile>): FileWant[] {
  const wants: FileWant[] = []
  let lastStaged = ''
  let current: FetchBlock[] = []
  for (const block of blocks) {
    if (block.staged !== lastStaged) {
      const { record } = files.get(block.staged)!
      current = []
      lastStaged = block.staged
      wants.push({ path: record.path, content: record.content as BlockHash, blocks: current })
    }
    current.push(block)
  }
  return wants
}

export function bytesOf(blocks: readonly FetchBlock[]): number {
  let bytes = 0
  for (const block of blocks) bytes += block.length
  return bytes
}

/** Copies in parts of bounded bytes and count. */
export function* batchesOf(copies: readonly LocalBlock[]): Generator<LocalBlock[]> {
  let batch: LocalBlock[] = []
  let bytes = 0
  for (const copy of copies) {
    batch.push(copy)
    bytes += copy.length
    if (bytes < localBatchBytes && batch.length < 1000) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}
