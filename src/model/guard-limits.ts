/** When changes are too many to go on unasked; null: never. */
export type GuardLimits = {
  /** More than so many of a hundred files of the folder. */
  readonly sharePercent: number
  /** Or more than so many files. */
  readonly files: number
} | null

export const defaultGuard: GuardLimits = { sharePercent: 50, files: 10_000 }

export function isGuardLimits(value: unknown): value is GuardLimits {
  if (value === null) return true
  if (typeof value !== 'object' || Object.keys(value).length !== 2) return false
  const { sharePercent, files } = value as Record<string, unknown>
  return isWithin(sharePercent, 100) && isWithin(files, Number.MAX_SAFE_INTEGER)
}

/** Changes that wait for a person. */
export interface HeldChanges {
  /** `outgoing`: this disk has lost them, and nobody is told. `incoming`: a device says so, and they are still here. */
  readonly direction: 'incoming' | 'outgoing'
  /** How many would be removed or rewritten. */
  readonly files: number
  /** The name of the device that made the change. */
  readonly device: string
  /** Milliseconds since 1970. */
  readonly since: number
  /** They were rejected, and the files come back. */
  readonly restoring: boolean
}

export function isHeldChanges(value: unknown): value is HeldChanges {
  if (typeof value !== 'object' || value === null) return false
  const { direction, files, device, since, restoring } = value as Record<string, unknown>
  if (direction !== 'incoming' && direction !== 'outgoing') return false
  return [files, since].every(Number.isSafeInteger) && typeof device === 'string' && typeof restoring === 'boolean'
}

function isWithin(value: unknown, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= max
}
