import type { FetchBlock } from '../blocks/plan-fetch.ts'
import type { BlockHash } from '../model/block-hash.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { FileWant } from './block-messages.ts'

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

/** Blocks in parts of bounded count and of `bytesMax`, or of one block that is larger. */
export function* batchesOf<Block extends { readonly length: number }>(
  blocks: readonly Block[],
  bytesMax: number,
): Generator<Block[]> {
  let batch: Block[] = []
  let bytes = 0
  for (const block of blocks) {
    if (batch.length > 0 && (bytes + block.length > bytesMax || batch.length >= 1000)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(block)
    bytes += block.length
  }
  if (batch.length > 0) yield batch
}
