import { P2psyncError } from '../model/errors.ts'
import { parseTransferRate, type TransferRate } from '../model/transfer-rate.ts'

/** What may be sent (`up`) and received (`down`) by the whole node. */
export interface RateLimits {
  readonly up: TransferRate
  readonly down: TransferRate
}

/** A time of the week as a clock on the wall shows it. */
export interface WallTime {
  /** 0 is Monday, 6 is Sunday. */
  readonly weekday: number
  /** Of the day, 0 to 1439. */
  readonly minute: number
}

/** One line of a timetable. A time that ends before it begins goes on after midnight and belongs to the day it begins on. */
export interface TimetableEntry {
  /** As it was written, blanks apart. */
  readonly text: string
  readonly weekdays: readonly number[]
  /** Of the day; the end, up to 1440, is not part of it. */
  readonly fromMinute: number
  readonly toMinute: number
  /** What it says nothing of is absent. */
  readonly limits: Partial<RateLimits>
}

/**
 * Reads lines such as `mon-fri 08:00-18:00 down=2MiB up=500KiB`. Days (`sat,sun`, `fri-mon`, `daily`) and time may be left
 * out: every day, the whole day. A line may hold several entries, with `;` between them.
 *
 * @throws {P2psyncError} `usage` when a line is malformed or there are more than 64 entries.
 */
export function parseTimetable(lines: readonly string[]): readonly TimetableEntry[] {
  const texts = lines.flatMap((line) => line.split(/[;\n]/)).map((text) => text.trim().replaceAll(/\s+/g, ' '))
  const entries = texts.filter((text) => text !== '').map(parseEntry)
  if (entries.length > entriesMax) throw wrong(`a timetable has more than ${entriesMax} entries`)
  return entries
}

/** The limits at a time: of each direction the first entry that names it and holds then, else that of `base`. */
export function limitsAt(timetable: readonly TimetableEntry[], base: RateLimits, time: WallTime): RateLimits {
  const holding = timetable.filter((entry) => holds(entry, time)).map((entry) => entry.limits)
  const up = holding.find((limits) => limits.up !== undefined)?.up
  const down = holding.find((limits) => limits.down !== undefined)?.down
  return { up: up === undefined ? base.up : up, down: down === undefined ? base.down : down }
}

/** When the limits next differ from those at `time`, by the clock on the wall; null: never. */
export function nextLimitChange(
  timetable: readonly TimetableEntry[],
  base: RateLimits,
  time: WallTime,
): WallTime | null {
  const now = limitsAt(timetable, base, time)
  const nowMinute = time.weekday * dayMinutes + time.minute
  const ahead = (minute: number): number => ((minute - nowMinute - 1 + weekMinutes) % weekMinutes) + 1
  const turns = new Set(timetable.flatMap(turnsOf))
  for (const minute of [...turns].toSorted((a, b) => ahead(a) - ahead(b))) {
    const turn = { weekday: Math.floor(minute / dayMinutes), minute: minute % dayMinutes }
    const then = limitsAt(timetable, base, turn)
    if (then.up !== now.up || then.down !== now.down) return turn
  }
  return null
}

/** `mon 18:00`. */
export function formatWallTime({ weekday, minute }: WallTime): string {
  const two = (number: number): string => String(number).padStart(2, '0')
  return `${weekdayNames[weekday]!} ${two(Math.floor(minute / 60))}:${two(minute % 60)}`
}

const weekdayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const everyDay = [0, 1, 2, 3, 4, 5, 6]
const dayMinutes = 24 * 60
const weekMinutes = 7 * dayMinutes
const entriesMax = 64

function parseEntry(text: string): TimetableEntry {
  const seen: {
    weekdays?: readonly number[]
    time?: readonly [number, number]
    up?: TransferRate
    down?: TransferRate
  } = {}
  for (const word of text.toLowerCase().split(' ')) {
    const [, direction, rate] = /^(up|down)=(.+)$/.exec(word) ?? []
    const part = direction ?? (/^\d/.test(word) ? 'time' : 'weekdays')
    if (Object.hasOwn(seen, part)) throw wrong(`"${text}" names ${part === 'weekdays' ? 'days' : part} twice`)
    if (direction === 'up' || direction === 'down') seen[direction] = parseTransferRate(rate!)
    else if (part === 'time') seen.time = parseTime(word)
    else seen.weekdays = parseWeekdays(word)
  }
  const { weekdays = everyDay, time = [0, dayMinutes], ...limits } = seen
  if (limits.up === undefined && limits.down === undefined) throw wrong(`"${text}" names no limit`)
  return { text, weekdays, fromMinute: time[0], toMinute: time[1], limits }
}

function parseWeekdays(word: string): readonly number[] {
  if (word === 'daily') return everyDay
  const weekdays = word.split(',').flatMap((part) => {
    const [from, to = from] = part.split('-', 2).map((name) => weekdayNames.indexOf(name))
    if (from === undefined || to === undefined || from < 0 || to < 0 || part.split('-').length > 2) {
      throw wrong(`"${word}" is no day, time or limit`)
    }
    const count = ((to - from + 7) % 7) + 1
    return Array.from({ length: count }, (_, i) => (from + i) % 7)
  })
  return [...new Set(weekdays)].toSorted((a, b) => a - b)
}

function parseTime(word: string): readonly [number, number] {
  const [, fromHour, fromMinute, toHour, toMinute] = /^(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)$/.exec(word) ?? []
  const from = Number(fromHour) * 60 + Number(fromMinute)
  const to = Number(toHour) * 60 + Number(toMinute)
  const isTime = from < dayMinutes && to <= dayMinutes && Number(fromMinute) < 60 && Number(toMinute) < 60
  if (!isTime) throw wrong(`"${word}" is no time of a day`)
  if (from === to) throw wrong(`"${word}" ends when it begins`)
  return [from, to]
}

function wrong(message: string): P2psyncError {
  return new P2psyncError('usage', message, {
    hint: 'Write it like "mon-fri 08:00-18:00 down=2MiB up=500KiB" or "daily 22:00-06:00 up=none".',
  })
}

function holds(entry: TimetableEntry, { weekday, minute }: WallTime): boolean {
  const { weekdays, fromMinute, toMinute } = entry
  if (fromMinute < toMinute) return weekdays.includes(weekday) && minute >= fromMinute && minute < toMinute
  const sinceYesterday = weekdays.includes((weekday + 6) % 7) && minute < toMinute
  return sinceYesterday || (weekdays.includes(weekday) && minute >= fromMinute)
}

/** The minutes of the week at which an entry begins or ends to hold. */
function turnsOf({ weekdays, fromMinute, toMinute }: TimetableEntry): readonly number[] {
  const endMinute = toMinute > fromMinute ? toMinute : toMinute + dayMinutes
  return weekdays.flatMap((weekday) => [
    weekday * dayMinutes + fromMinute,
    (weekday * dayMinutes + endMinute) % weekMinutes,
  ])
}
