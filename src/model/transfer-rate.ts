import { P2psyncError } from './errors.ts'

/** Bytes a second, at least 1 KiB; null is no limit. */
export type TransferRate = number | null

/**
 * `500KiB`, `2MiB`, `1GiB`, `500kB`, `2MB`, `1GB`, their likes with a fraction or a `/s` at the end; `none` (also `0`) for
 * no limit. Capitals do not matter.
 *
 * @throws {P2psyncError} `usage` when it is none of these, below 1 KiB or above 1 TiB.
 */
export function parseTransferRate(text: string): TransferRate {
  const trimmed = text.trim().toLowerCase()
  if (trimmed === 'none' || trimmed === '0') return null
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?(kib|mib|gib|kb|mb|gb)(?:\/s)?$/.exec(trimmed) ?? []
  const rate = Math.round(Number(number) * (unitBytes[unit as keyof typeof unitBytes] ?? Number.NaN))
  if (isTransferRate(rate)) return rate
  throw new P2psyncError('usage', `"${text}" is no limit of rate`, {
    hint: 'Use bytes a second with a unit, such as 500KiB, 2MiB or 10MB, from 1KiB to 1024GiB; or none.',
  })
}

export function isTransferRate(value: unknown): value is TransferRate {
  return value === null || (Number.isInteger(value) && (value as number) >= rateMin && (value as number) <= rateMax)
}

/** A text that {@link parseTransferRate} reads, exact or rounded to a thousandth of its unit: `2MiB/s`, `none`. */
export function formatTransferRate(rate: TransferRate): string {
  if (rate === null) return 'none'
  const units = Object.entries(unitNames).toReversed()
  const whole = units.find(([unit]) => rate % unitBytes[unit as keyof typeof unitBytes] === 0)
  const [unit, name] = whole ?? units.find(([binary]) => rate >= unitBytes[binary as keyof typeof unitBytes])!
  return `${Math.round((rate / unitBytes[unit as keyof typeof unitBytes]) * 1000) / 1000}${name}/s`
}

const unitBytes = { kb: 1000, kib: 1024, mb: 1000 ** 2, mib: 1024 ** 2, gb: 1000 ** 3, gib: 1024 ** 3 }
/** The smallest first. */
const unitNames = { kb: 'kB', kib: 'KiB', mb: 'MB', mib: 'MiB', gb: 'GB', gib: 'GiB' }
const rateMin = 1024
const rateMax = 1024 ** 4
