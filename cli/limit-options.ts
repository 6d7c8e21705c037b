import { parseTransferRate } from '../src/model/transfer-rate.ts'
import type { LimitChange } from '../src/node/node-api.ts'
import { parseTimetable } from '../src/transfer/limit-timetable.ts'

/** Limits as they were typed; `schedule` is false for none. */
export interface TypedLimits {
  readonly up?: string | undefined
  readonly down?: string | undefined
  readonly schedule?: readonly string[] | false | undefined
}

/** What typed limits change; nothing that was not typed. @throws {P2psyncError} `usage` when one cannot be read. */
export function limitChange({ up, down, schedule }: TypedLimits): LimitChange {
  const isNone = schedule === false || (schedule?.length === 1 && schedule[0]?.trim().toLowerCase() === 'none')
  const lines = isNone ? [] : schedule
  return {
    ...(up === undefined ? {} : { up: parseTransferRate(up) }),
    ...(down === undefined ? {} : { down: parseTransferRate(down) }),
    ...(lines === undefined ? {} : { schedule: parseTimetable(lines).map((entry) => entry.text) }),
  }
}

/** Gathers an option that is given more than once. */
export function collect(value: string, previous: unknown): readonly string[] {
  return [...(Array.isArray(previous) ? (previous as string[]) : []), value]
}
