import type { ScrubStatus } from '../src/model/scrub-status.ts'
import { countText, sizeText } from './amounts.ts'

/** How far a scrub is, or what the last one found. */
export function scrubText(scrub: ScrubStatus): string {
  const found = `${countText(scrub.damaged, 'damaged file')}, ${scrub.repaired} repaired`
  const read = `${countText(scrub.files, 'file')}, ${sizeText(scrub.bytes)}`
  const skipped = scrub.skipped === 0 ? '' : `, ${countText(scrub.skipped, 'file')} skipped that changed just now`
  if (!scrub.running) return scrub.finishedAt === null ? 'never done' : `${read}: ${found}${skipped}`
  const percent = scrub.allBytes === 0 ? 100 : Math.min(99, Math.floor((100 * scrub.bytes) / scrub.allBytes))
  return `${percent} % (${read}): ${found}${skipped}`
}
