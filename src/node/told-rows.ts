import type { FolderIndex, IndexRow } from '../file-index/folder-index.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { WriterId } from '../model/writer-id.ts'
import type { ForgetTombstones } from './forget-tombstones.ts'

/** Our rows at the paths of told records. One that knows a later change of ours than we do is of a life that this database has forgotten. */
export async function rowsForTold(
  records: readonly FileRecord[],
  { index, forgetting, onForgotten }: ToldRowsDeps,
): Promise<(IndexRow | null)[]> {
  const paths = records.map((record) => record.path)
  const rows = await index.getMany(paths)
  const { writer } = index
  const isForgotten = (record: FileRecord, i: number): boolean => {
    const counter = counterOf(record, writer)
    const known = rows[i] ? counterOf(rows[i].record, writer) : 0
    return counter > known && !forgetting.mayHaveForgotten(counter)
  }
  if (!records.some(isForgotten)) return rows
  await onForgotten()
  return index.getMany(paths)
}

export interface ToldRowsDeps {
  readonly index: FolderIndex
  readonly forgetting: ForgetTombstones
  /** The database is an old one that was put back. */
  readonly onForgotten: () => Promise<void>
}

function counterOf({ version }: FileRecord, writer: WriterId): number {
  return version.find(([by]) => by === writer)?.[1] ?? 0
}
