import type { GuardLimits, HeldChanges } from '../src/model/guard-limits.ts'
import { agoText, countText } from './amounts.ts'
import { printable } from './printable.ts'

/** One batch of changes that waits for a person. `now` is in milliseconds since 1970. */
export function heldText({ direction, files, device, since, restoring }: HeldChanges, now: number): string {
  const what = direction === 'outgoing' ? 'gone or rewritten here' : `removed or rewritten by ${printable(device)}`
  const rest = restoring ? 'coming back from other devices' : 'waiting for you'
  return `${countText(files, 'file')} ${what} ${agoText(now - since)}, ${rest}`
}

export function guardText(limits: GuardLimits): string {
  if (limits === null) return 'nothing is held'
  const { sharePercent, files } = limits
  return `more than ${sharePercent} % or ${countText(files, 'file')} removed or rewritten at once wait for you`
}
