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
  await finishRenewal(index, onCommit)
  await index.renewIncarnation(openedAtSeq)
  await finishRenewal(index, onCommit)
}

/** Does what is left of a renewal, be it of a process that was killed in it. To be called while nobody else commits. */
export async function finishRenewal(
  index: FolderIndex,
  onCommit: (changes: readonly RowChange[]) => void = () => undefined,
): Promise<void> {
  const renewal = await index.forgetNotes.renewal()
  if (renewal === null) return
  const { writer: oldWriter, afterSeq } = renewal
  for await (const page of index.rows()) {
    const changes: RowChange[] = []
    for (const { record, disk, seq } of page) {
      if (seq <= afterSeq || record.writer !== oldWriter) continue
      const known = capCounter(record.version, oldWriter, afterSeq)
      const version = advanceVersion(known, index.writer, index.seq + 1)
      changes.push({ record: { ...record, version, writer: index.writer }, disk })
    }
    for (let at = 0; at < changes.length; at += changesPerCommit) {
      const part = changes.slice(at, at + changesPerCommit)
      await index.commit(part)
      onCommit(part)
    }
  }
  await index.forgetNotes.endRenewal()
}

function capCounter(version: VersionVector, writer: WriterId, counterMax: number): VersionVector {
  const capped = version.map(([other, counter]) => [other, other === writer ? Math.min(counter, counterMax) : counter])
  return (capped as [WriterId, number][]).filter(([, counter]) => counter > 0)
}
