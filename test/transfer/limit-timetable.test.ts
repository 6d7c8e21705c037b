import { describe, expect, it } from 'vitest'
import { formatTransferRate, parseTransferRate } from '../../src/model/transfer-rate.ts'
import { formatWallTime, limitsAt, nextLimitChange, parseTimetable } from '../../src/transfer/limit-timetable.ts'
import { ScheduledLimits } from '../../src/transfer/scheduled-limits.ts'
import { SimulatedClock } from '../twins/simulated-clock.ts'

const base = { up: 1000 * 1000, down: null }
const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

function at(text: string): { weekday: number; minute: number } {
  const [day, hour, minute] = text.split(/[ :]/)
  return { weekday: days.indexOf(day!), minute: Number(hour) * 60 + Number(minute) }
}

describe('a rate', () => {
  it.each([
    ['500KiB', 512_000],
    ['2MiB', 2_097_152],
    ['2 mib/s', 2_097_152],
    ['1.5MB', 1_500_000],
    ['500kB', 500_000],
    ['1GiB', 1_073_741_824],
    ['1gb', 1_000_000_000],
    ['none', null],
    ['0', null],
  ])('%s is %s bytes a second', (text, rate) => {
    expect(parseTransferRate(text)).toBe(rate)
    expect(parseTransferRate(formatTransferRate(rate))).toBe(rate)
  })

  it.each(['', 'fast', '500', '-1MB', '1KB2', '0.1kB', '2000GiB', '1e3MB', '1Mbit'])('%j is none', (text) => {
    expect(() => parseTransferRate(text)).toThrow('is no limit of rate')
  })

  it.each([
    [2_097_152, '2MiB/s'],
    [500_000, '500kB/s'],
    [1536, '1.5KiB/s'],
    [null, 'none'],
  ])('%s is written %s', (rate, text) => {
    expect(formatTransferRate(rate)).toBe(text)
  })
})

describe('a timetable', () => {
  it.each([
    [['mon-fri 08:00-18:00 down=2MiB'], 'mon 08:00', { up: 1_000_000, down: 2_097_152 }],
    [['mon-fri 08:00-18:00 down=2MiB'], 'mon 07:59', base],
    [['mon-fri 08:00-18:00 down=2MiB'], 'fri 17:59', { up: 1_000_000, down: 2_097_152 }],
    [['mon-fri 08:00-18:00 down=2MiB'], 'fri 18:00', base],
    [['mon-fri 08:00-18:00 down=2MiB'], 'sat 12:00', base],
    [['sat,sun up=none'], 'sun 23:59', { up: null, down: null }],
    [['up=none;down=1MB'], 'wed 03:00', { up: null, down: 1_000_000 }],
    [['FRI-MON Up=1kib'], 'thu 12:00', base],
    [['FRI-MON Up=1kib'], 'mon 12:00', { up: 1024, down: null }],
    // Past midnight a time belongs to the day it begins on.
    [['fri 22:00-06:00 up=1KiB'], 'sat 05:59', { up: 1024, down: null }],
    [['fri 22:00-06:00 up=1KiB'], 'sat 06:00', base],
    [['fri 22:00-06:00 up=1KiB'], 'fri 05:00', base],
    [['sun 22:00-06:00 up=1KiB'], 'mon 00:00', { up: 1024, down: null }],
    // The first that names a direction decides.
    [['mon up=1KiB', 'daily up=2KiB down=1KiB'], 'mon 12:00', { up: 1024, down: 1024 }],
    [['mon up=1KiB', 'daily up=2KiB down=1KiB'], 'tue 12:00', { up: 2048, down: 1024 }],
    [['daily 00:00-24:00 up=2KiB'], 'tue 23:59', { up: 2048, down: null }],
    [['  '], 'tue 23:59', base],
  ])('%j at %s', (lines, time, limits) => {
    expect(limitsAt(parseTimetable(lines), base, at(time))).toEqual(limits)
  })

  it.each([
    [['mon-fri 08:00-18:00 down=2MiB'], 'mon 07:59', 'mon 08:00'],
    [['mon-fri 08:00-18:00 down=2MiB'], 'mon 08:00', 'mon 18:00'],
    [['mon-fri 08:00-18:00 down=2MiB'], 'fri 18:00', 'mon 08:00'],
    [['fri 22:00-06:00 up=1KiB'], 'fri 23:00', 'sat 06:00'],
    [['sun 22:00-06:00 up=1KiB'], 'sun 23:00', 'mon 06:00'],
    [['mon 08:00-09:00 up=1KiB'], 'mon 09:00', 'mon 08:00'],
    // What changes nothing is no change.
    [['mon-tue up=1KiB'], 'mon 12:00', 'wed 00:00'],
    [['daily up=1KiB'], 'mon 12:00', null],
    [['mon 08:00-09:00 down=none'], 'mon 07:00', null],
    [[], 'mon 12:00', null],
  ])('%j after %s changes at %s', (lines, time, next) => {
    const found = nextLimitChange(parseTimetable(lines), base, at(time))
    expect(found === null ? null : formatWallTime(found)).toBe(next)
  })

  it.each([
    ['mon', 'names no limit'],
    ['mon 08:00-18:00', 'names no limit'],
    ['monday up=1MB', '"monday" is no day, time or limit'],
    ['mon-tue-wed up=1MB', 'is no day'],
    ['mon 8-18 up=1MB', '"8-18" is no time of a day'],
    ['mon 08:00-25:00 up=1MB', 'is no time of a day'],
    ['mon 08:60-09:00 up=1MB', 'is no time of a day'],
    ['mon 24:00-08:00 up=1MB', 'is no time of a day'],
    ['mon 08:00-08:00 up=1MB', 'ends when it begins'],
    ['up=1MB up=2MB', 'names up twice'],
    ['mon tue up=1MB', 'names days twice'],
    ['left=1MB', '"left=1mb" is no day, time or limit'],
    ['up=fast', '"fast" is no limit of rate'],
  ])('refuses %j', (line, message) => {
    expect(() => parseTimetable([line])).toThrow(message)
  })

  it('has a bound', () => {
    expect(() => parseTimetable(Array.from({ length: 65 }, () => 'up=1MB'))).toThrow('more than 64')
  })
})

describe('limits by a timetable', () => {
  // The twin's time begins on a Thursday at midnight.
  const utc = (ms: number): { weekday: number; minute: number } => {
    const date = new Date(ms)
    return { weekday: (date.getUTCDay() + 6) % 7, minute: date.getUTCHours() * 60 + date.getUTCMinutes() }
  }

  it('change by themselves, within a minute of the clock on the wall', async () => {
    const clock = new SimulatedClock()
    const schedule = ['thu 01:00-02:00 up=1MiB']
    const limits = new ScheduledLimits({ clock: clock.view(), wallTime: utc }, { ...base, schedule })
    const { up, down } = limits.throttles('a', 'f')
    expect(up.bytesPerSecond).toBe(base.up)
    expect(limits.now()).toMatchObject({ limits: base, next: at('thu 01:00') })
    await clock.pass(60 * 60_000)
    expect(up.bytesPerSecond).toBe(1_048_576)
    expect(down.bytesPerSecond).toBeNull()
    await clock.pass(60 * 60_000)
    expect(up.bytesPerSecond).toBe(base.up)
    limits.stop()
  })

  it('follow a clock on the wall that jumps, as daylight saving makes it', async () => {
    const clock = new SimulatedClock()
    let jumpMs = 0
    const limits = new ScheduledLimits(
      { clock: clock.view(), wallTime: (ms) => utc(ms + jumpMs) },
      { ...base, schedule: ['thu 03:00-04:00 up=1MiB'] },
    )
    const { up } = limits.throttles('a', 'f')
    await clock.pass(2 * 60 * 60_000)
    jumpMs = 60 * 60_000
    await clock.pass(60_000)
    expect(up.bytesPerSecond).toBe(1_048_576)
    jumpMs = 0
    await clock.pass(60_000)
    expect(up.bytesPerSecond).toBe(base.up)
    limits.stop()
  })

  it('can be chosen anew, and stay as they are when the choice is wrong', () => {
    const limits = new ScheduledLimits({ clock: new SimulatedClock().view(), wallTime: utc }, { ...base, schedule: [] })
    const { down } = limits.throttles('a', 'f')
    expect(() => limits.choose({ up: null, down: 1024, schedule: ['x'] })).toThrow('is no day')
    expect(limits.now()).toEqual({ limits: base, choice: { ...base, schedule: [] }, next: null })
    limits.choose({ up: null, down: 1024, schedule: [] })
    expect(down.bytesPerSecond).toBe(1024)
  })
})
