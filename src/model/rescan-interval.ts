import { P2psyncError } from './errors.ts'

/** Milliseconds from one scan of a whole folder to the next; {@link neverRescan} for none but those that are needed. */
export type RescanIntervalMs = number

export const neverRescan: RescanIntervalMs = 0
export const defaultRescanIntervalMs: RescanIntervalMs = 30 * 60_000

/**
 * `90s`, `30m`, `1h`, `1d`, their likes with a fraction, or `never` (also `0`).
 *
 * @throws {P2psyncError} `usage` when it is none of these, or not between a second and a week.
 */
export function parseRescanInterval(text: string): RescanIntervalMs {
  const trimmed = text.trim().toLowerCase()
  if (trimmed === 'never' || trimmed === '0') return neverRescan
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?(s|m|h|d)$/.exec(trimmed) ?? []
  const intervalMs = Math.round(Number(number) * (unitMs[unit as keyof typeof unitMs] ?? Number.NaN))
  if (isRescanInterval(intervalMs)) return intervalMs
  throw new P2psyncError('usage', `"${text}" is no interval between scans`, {
    hint: 'Use seconds, minutes, hours or days, such as --rescan-interval 30m, from 1s to 7d; or never.',
  })
}

export function isRescanInterval(value: unknown): value is RescanIntervalMs {
  return (
    Number.isInteger(value) && (value === neverRescan || ((value as number) >= minMs && (value as number) <= maxMs))
  )
}

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const minMs = unitMs.s
const maxMs = 7 * unitMs.d
