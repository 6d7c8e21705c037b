import { formatTransferRate, type TransferRate } from '../src/model/transfer-rate.ts'
import type { LimitsStatus } from '../src/node/node-api.ts'
import { printable } from './printable.ts'

/** The limits that hold now, and what else was chosen. */
export function limitsText(limits: LimitsStatus): string {
  const lines = [directionText('up', limits), directionText('down', limits)]
  if (limits.schedule.length > 0) lines.push('schedule', ...limits.schedule.map((line) => `  ${printable(line)}`))
  if (limits.until !== null) lines.push(`next change: ${limits.until}`)
  return `${lines.join('\n')}\n`
}

function directionText(direction: 'up' | 'down', { now, otherwise }: LimitsStatus): string {
  const other =
    now[direction] === otherwise[direction] ? '' : ` by the schedule, otherwise ${rate(otherwise[direction])}`
  return `${direction.padEnd(4)}  ${rate(now[direction])}${other}`
}

function rate(limit: TransferRate): string {
  return limit === null ? 'no limit' : formatTransferRate(limit)
}
