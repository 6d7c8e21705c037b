import { hashBlock } from '../../src/blocks/hash.ts'
import { noFingerprint, type FileRecord } from '../../src/model/file-record.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { makeWriterId, type WriterId } from '../../src/model/writer-id.ts'

/** A writer id that differs for each number up to 255. */
export function writerOf(number: number): WriterId {
  return makeWriterId(new Uint8Array(8).fill(number), new Uint8Array(8).fill(number))
}

/** The record of a file with this text as content, the `counter`-th change of writer 1. */
export function fileRecord(
  path: string,
  text: string,
  options: Partial<FileRecord> & { counter?: number } = {},
): FileRecord {
  const { counter = 1, ...fields } = options
  const bytes = Buffer.from(text)
  return {
    path: parseRelativePath(path),
    kind: 'file',
    sizeBytes: bytes.length,
    mtimeNs: 1_700_000_000_000_000_000n,
    executable: false,
    linkTarget: '',
    content: hashBlock(bytes),
    version: [[writerOf(1), counter]],
    writer: writerOf(1),
    writerName: 'sample',
    basis: noFingerprint,
    ...fields,
  }
}

export function tombstone(path: string, options: Partial<FileRecord> & { counter?: number } = {}): FileRecord {
  return { ...fileRecord(path, '', options), kind: 'tombstone', sizeBytes: 0, content: '' }
}
