import { isExecutable } from '../model/disk-state.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { HashResult, ScanEntry } from '../ports/file-tasks.ts'

/** What a record says of an entry, without who wrote it and when. */
export type EntryDraft = Pick<FileRecord, 'kind' | 'sizeBytes' | 'mtimeNs' | 'executable' | 'linkTarget' | 'content'>

/** The draft of a tombstone, but for its time. */
export const nothingThere: EntryDraft = {
  kind: 'tombstone',
  sizeBytes: 0,
  mtimeNs: 0n,
  executable: false,
  linkTarget: '',
  content: '',
}

/** What a record says of an entry; null when a file could not be hashed. */
export function describeEntry(entry: ScanEntry, hash: HashResult | null): EntryDraft | null {
  const { disk } = entry
  if (disk.kind === 'folder') return { ...nothingThere, kind: 'folder' }
  if (disk.kind === 'symlink') {
    return { ...nothingThere, kind: 'symlink', mtimeNs: disk.mtimeNs, linkTarget: entry.linkTarget }
  }
  if (hash?.outcome !== 'hashed') return null
  return {
    kind: 'file',
    sizeBytes: hash.disk.sizeBytes,
    mtimeNs: hash.disk.mtimeNs,
    executable: isExecutable(hash.disk.mode),
    linkTarget: '',
    content: hash.content,
  }
}

/** Disks that we write to keep times to a microsecond only: less is no change of the user's. */
export function sameEntry(record: FileRecord, draft: EntryDraft): boolean {
  const mtimeDelta = record.mtimeNs - draft.mtimeNs
  return (
    record.kind === draft.kind &&
    record.sizeBytes === draft.sizeBytes &&
    record.executable === draft.executable &&
    record.linkTarget === draft.linkTarget &&
    record.content === draft.content &&
    (record.kind === 'folder' || (mtimeDelta < 1000n && mtimeDelta > -1000n))
  )
}

const hashGroupBytes = 64 * 1024 * 1024
const hashGroupFiles = 500

/** Cuts a list of files into groups that are hashed as one request. */
export function groupByBytes(entries: readonly ScanEntry[]): ScanEntry[][] {
  const groups: ScanEntry[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const entry of entries) {
    const last = groups.at(-1)
    if (last === undefined || bytes + entry.disk.sizeBytes > hashGroupBytes || last.length >= hashGroupFiles) {
      groups.push([entry])
      bytes = entry.disk.sizeBytes
    } else {
      last.push(entry)
      bytes += entry.disk.sizeBytes
    }
  }
  return groups
}
