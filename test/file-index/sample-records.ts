import { hashBlock } from '../../src/blocks/hash.ts'
import { encodeBlockList } from '../../src/blocks/block-list.ts'
import type { RowChange } from '../../src/file-index/folder-index.ts'
import type { BlockHash } from '../../src/model/block-hash.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import { noFingerprint, type FileRecord } from '../../src/model/file-record.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { makeWriterId } from '../../src/model/writer-id.ts'
import type { Random } from '../../src/ports/random.ts'

export const deviceTag = Buffer.from('0102030405060708', 'hex')
const writer = makeWriterId(deviceTag, Buffer.alloc(8, 9))

/** Bytes that differ from call to call, and are the same in each run. */
export function countingRandom(): Random {
  let calls = 0
  return { bytes: (length) => new Uint8Array(length).fill(++calls), fraction: () => 0.5 }
}

export function recordOf(path: string, fields: Partial<FileRecord> = {}): FileRecord {
  return {
    path: path as RelativePath,
    kind: 'tombstone',
    sizeBytes: 0,
    mtimeNs: 1_700_000_000_123_456_789n,
    executable: false,
    linkTarget: '',
    content: '',
    version: [[writer, 1]],
    writer,
    writerName: 'laptop',
    basis: noFingerprint,
    ...fields,
  }
}

export function diskOf(sizeBytes: number, inode = 7n): DiskState {
  return { kind: 'file', sizeBytes, mtimeNs: 1_700_000_000_123_456_789n, ctimeNs: 1_700_000_001n, inode, mode: 0o644 }
}

/** A file of one block whose bytes are `text`. */
export function fileOf(path: string, text: string): RowChange {
  const bytes = Buffer.from(text)
  const record = recordOf(path, { kind: 'file', sizeBytes: bytes.length, content: hashBlock(bytes) })
  return { record, disk: diskOf(bytes.length) }
}

/** A file of 100,000 bytes a block. */
export function largeFileOf(path: string, blocks: readonly string[]): RowChange & { content: BlockHash } {
  const list = encodeBlockList(blocks.map((name) => ({ hash: hashBlock(Buffer.from(name)), length: 100_000 })))
  const content = hashBlock(list)
  const record = recordOf(path, { kind: 'file', sizeBytes: 100_000 * blocks.length, content })
  return { record, disk: diskOf(record.sizeBytes), blockList: list, content }
}

export function folderOf(path: string): RowChange {
  const disk: DiskState = { kind: 'folder', sizeBytes: 4096, mtimeNs: 0n, ctimeNs: 0n, inode: 1n, mode: 0o755 }
  return { record: recordOf(path, { kind: 'folder', mtimeNs: 0n }), disk }
}

export function tombstoneOf(path: string): RowChange {
  return { record: recordOf(path), disk: null }
}
