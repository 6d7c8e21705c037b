import type { FolderIndex, RowChange } from '../file-index/folder-index.ts'
import type { VersionVector } from '../model/version-vector.ts'
import type { WriterId } from '../model/writer-id.ts'
import { advanceVersion } from '../vector-clock/compare-versions.ts'

const changesPerCommit = 1000

/**
 * Begins a new life of an old database that was put back, and gives what this device has recorded since it was opened
 * at `openedAtSeq` versions of that life: the counters that they have may have been given to other changes before.
 * To be called while nobody else commits.
 *
 * A counter up to `openedAtSeq` is as good as ever: the database knew what it stood for.
 */
export async function renewDatabase(
  index: FolderIndex,
  openedAtSeq: number,
  onCommit: (changes: readonly RowChange[]) => void,
): Promise<void> {
  const oldWriter = index.writer
  await index.renewIncarnation()
  for await (const page of index.rows()) {
    const changes: RowChange[] = []
    for (const { record, disk, seq } of page) {
      if (seq <= openedAtSeq || record.writer !== oldWriter) continue
      const known = capCounter(record.version, oldWriter, openedAtSeq)
      const version = advanceVersion(known, index.writer, index.seq + 1)
      changes.push({ record: { ...record, version, writer: index.writer }, disk })
    }
    for (let at = 0; at < changes.length; at += changesPerCommit) {
      const part = changes.slice(at, at + changesPerCommit)
      await index.commit(part)
      onCommit(part)
    }
  }
}

function capCounter(version: VersionVector, writer: WriterId, counterMax: number): VersionVector {
  const capped = version.map(([other, counter]) => [other, other === writer ? Math.min(counter, counterMax) : counter])
  return (capped as [WriterId, number][]).filter(([, counter]) => counter > 0)
}
