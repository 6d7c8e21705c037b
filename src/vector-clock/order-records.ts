import type { EntryKind, FileRecord } from '../model/file-record.ts'

/**
 * The total order that names a conflict's winner: the greater record stays at the path, on every device alike.
 *
 * A folder beats a file or symlink, and anything beats a tombstone, so that a clock never decides whether something is
 * lost; then the later mtime wins, then the remaining fields in a fixed order, texts by UTF-16 code units. Versions do
 * not count: they differ between devices that hold the same. Zero only when all fields but path and version are equal.
 */
export function compareRecords(a: FileRecord, b: FileRecord): number {
  return (
    ranks[a.kind] - ranks[b.kind] ||
    order(a.mtimeNs, b.mtimeNs) ||
    order(a.kind, b.kind) ||
    order(a.sizeBytes, b.sizeBytes) ||
    order(a.content, b.content) ||
    order(a.linkTarget, b.linkTarget) ||
    order(a.executable ? 1 : 0, b.executable ? 1 : 0) ||
    order(a.writer, b.writer) ||
    order(a.writerName, b.writerName) ||
    order(a.basis, b.basis)
  )
}

const ranks: Readonly<Record<EntryKind, number>> = { tombstone: 0, file: 1, symlink: 1, folder: 2 }

function order<T extends string | number | bigint>(a: T, b: T): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
