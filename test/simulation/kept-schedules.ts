import kept from './seeds.json' with { type: 'json' }
import type { Schedule } from './schedule.ts'

/** A schedule that failed once, under the name of what it found. */
export interface KeptSchedule {
  readonly name: string
  readonly schedule: Schedule
}

/** Every schedule that ever failed, shrunk; they are run for ever. */
export const keptSchedules = kept as unknown as readonly KeptSchedule[]
