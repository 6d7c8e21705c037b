import { isLive } from '../model/file-record.ts'
import type { Work } from './work.ts'

/**
 * Finds in a job the files that another one's removal makes room for: the file on this disk is given its new path, and
 * nothing is copied.
 */
export function pairMoves(work: readonly Work[]): void {
  const removals = new Map<string, Work[]>()
  for (const item of work) {
    const { decision, row, isRewritten = false } = item
    if (decision.action !== 'take' || decision.record.kind !== 'tombstone' || isRewritten) continue
    if (row?.record.kind !== 'file' || row.disk === null) continue
    const { content, sizeBytes } = row.record
    const key = `${content} ${sizeBytes}`
    removals.set(key, [...(removals.get(key) ?? []), item])
  }
  if (removals.size === 0) return
  for (const item of work) {
    const { decision, row } = item
    if (decision.action !== 'take' || decision.record.kind !== 'file') continue
    // A folder there has to go first, and what is only given another time has its bytes.
    if (row !== null && isLive(row.record) && row.record.kind !== 'file') continue
    const { content, sizeBytes } = decision.record
    if (row?.record.content === content && isLive(row.record)) continue
    item.movedFrom = removals.get(`${content} ${sizeBytes}`)?.pop() ?? null
  }
}
