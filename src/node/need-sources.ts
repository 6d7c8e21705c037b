import type { DeviceId } from '../model/device-id.ts'
import type { FileRecord } from '../model/file-record.ts'
import { compareVersions } from '../vector-clock/compare-versions.ts'
import { isSameRecord, type Need } from './need.ts'
import type { Needs } from './needs.ts'

/**
 * `source` does not hold what `need` asks for any more; what waits and nobody holds is forgotten.
 *
 * @returns true when it is worked on and has lost a source by that.
 */
export function loseSource(needs: Pick<Needs, 'remove'>, need: Need, source: DeviceId): boolean {
  const hasLost = need.sources.delete(source) && need.state === 'active'
  if (need.sources.size === 0 && need.state === 'queued') needs.remove(need)
  return hasLost
}

/**
 * `source` holds a record that asks for nothing here: what it held at this path before, it holds no longer.
 *
 * @returns as {@link Needs.add}.
 */
export function settledBy(needs: Needs, record: FileRecord, source: DeviceId): boolean {
  let hasLost = false
  for (const need of needs.at(record.path)) {
    // An answer to a question may come after newer news.
    const isNews = compareVersions(need.record.version, record.version) === 'after'
    if (!isNews && !isSameRecord(need.record, record) && loseSource(needs, need, source)) hasLost = true
  }
  return hasLost
}

/** True when it is known already that `source` holds exactly this, and waits. */
export function isKnownOf(needs: Pick<Needs, 'at'>, record: FileRecord, source: DeviceId): boolean {
  return needs.at(record.path).some((need) => need.sources.has(source) && isSameRecord(need.record, record))
}
