import type { FolderIndex, IndexRow } from '../file-index/folder-index.ts'
import { fingerprint, isLive, type FileRecord } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { HashResult, ScanEntry } from '../ports/file-tasks.ts'
import type { Loss } from './change-window.ts'
import { describeEntry } from './entry-draft.ts'

/** What is lost when `record` takes the place of `old`; null when nothing is. A folder counts without what is in it. */
export function lossOf(
  old: FileRecord | null,
  record: Pick<FileRecord, 'kind' | 'sizeBytes' | 'content' | 'linkTarget'>,
): Loss | null {
  if (old === null || !isLive(old)) return null
  const { path, content } = old
  if (old.kind === 'folder') return record.kind === 'folder' ? null : { path, files: 0, content: '' }
  if (fingerprint(old) === fingerprint({ ...old, ...record })) return null
  return { path, files: 1, content }
}

/** What goes with these paths, and with these folders as one each. */
export async function removalLosses(
  index: FolderIndex,
  { gone, folders }: { readonly gone: readonly RelativePath[]; readonly folders: readonly RelativePath[] },
): Promise<readonly Loss[]> {
  const losses: Loss[] = []
  for (const row of await index.getMany(gone)) {
    const loss = row === null ? null : lossOf(row.record, nothing)
    if (loss !== null) losses.push(loss)
  }
  for (const path of folders) losses.push({ path, files: await filesBelow(index, path), content: '' })
  return losses
}

/** How many files and links are live below a folder. */
async function filesBelow(index: FolderIndex, folder: RelativePath): Promise<number> {
  let files = 0
  for await (const page of index.rowHeads({ below: folder })) {
    for (const row of page) if (row.live && row.kind !== 'folder') files++
  }
  return files
}

/** True when an entry may hold other bytes than the row says; only hashing tells. */
export function mayBeRewritten({ disk }: ScanEntry, { record, disk: before }: IndexRow): boolean {
  if (record.kind !== 'file' || disk.kind !== 'file' || before === null) return false
  return disk.sizeBytes !== before.sizeBytes || disk.mtimeNs !== before.mtimeNs
}

/** What is lost by the entries as they were hashed, and those that could not be. */
export async function rewriteLosses(
  index: FolderIndex,
  entries: readonly ScanEntry[],
  hashes: ReadonlyMap<RelativePath, HashResult>,
): Promise<{ readonly losses: readonly Loss[]; readonly missed: readonly RelativePath[] }> {
  const rows = await index.getMany(entries.map(({ path }) => path))
  const losses: Loss[] = []
  const missed: RelativePath[] = []
  for (const [i, entry] of entries.entries()) {
    const draft = describeEntry(entry, hashes.get(entry.path) ?? null)
    const loss = draft === null ? null : lossOf(rows[i]?.record ?? null, draft)
    if (draft === null) missed.push(entry.path)
    if (loss !== null) losses.push(loss)
  }
  return { losses, missed }
}

const nothing = { kind: 'tombstone', sizeBytes: 0, content: '', linkTarget: '' } as const
