import { describe, expect, it } from 'vitest'
import { fingerprint, type FileRecord } from '../../src/model/file-record.ts'
import { dayMs } from '../../src/model/day.ts'
import { decideWithAge, isDeclined, judgeClock, mayForget, utcDay } from '../../src/node/tombstone-age.ts'
import { fileRecord, writerOf } from './sample-record.ts'

const today = utcDay(Date.UTC(2026, 5, 15))
const noonMs = today * dayMs + dayMs / 2

describe('a tombstone', () => {
  it.each([
    [6, 5, 0, false],
    [7, 5, 0, true],
    [179, 5, 0, true],
    [7, 11, 0, false],
    [179, 11, 0, false],
    [180, 11, 0, true],
    [30, 5, today - 30, false],
    [29, 5, today - 30, true],
    [180, 5, today, true],
  ])(
    '%d days old at seq %d of 10 that all hold, held to day %d: may it be forgotten? %s',
    (days, seq, heldDay, may) => {
      expect(mayForget({ day: today - days, seq }, { today, ackedSeq: 10, heldDay })).toBe(may)
    },
  )

  it('of a path of which nothing is known is left out when it is older than any is kept', () => {
    expect([179, 180, 400].map((days) => isDeclined(tombstone(days), noonMs))).toEqual([false, true, true])
  })

  it('is left out while its day is being forgotten everywhere, and not when a peer keeps it after that', () => {
    const minutes = [0, 30, 61].map((minute) => today * dayMs + minute * 60_000)
    expect(minutes.map((nowMs) => isDeclined(tombstone(7), nowMs))).toEqual([true, true, false])
  })

  it('is never left out by a clock that is not trusted', () => {
    const decision = decideWithAge(null, tombstone(400), { nowMs: noonMs, isTrusted: false })
    expect(decision.action).toBe('take')
  })

  it('that is old does not remove the same content that its version has not seen, on either side', () => {
    const live = fileRecord('x', 'text', { version: [[writerOf(2), 50]], writer: writerOf(2) })
    const at = { nowMs: noonMs, isTrusted: true }
    const old = { ...tombstone(8), basis: fingerprint(live) }
    const [kept, taken] = [decideWithAge(live, old, at), decideWithAge(old, live, at)]
    expect([kept.action, taken.action]).toEqual(['keep', 'take'])
    expect('record' in kept && 'record' in taken && kept.record).toEqual('record' in taken && taken.record)
    const fresh = { ...tombstone(6), basis: fingerprint(live) }
    expect(decideWithAge(live, fresh, at).action).toBe('take')
  })
})

describe('a clock', () => {
  const trusted = { seenMs: noonMs, doubtedSinceMs: 0 }
  const hour = 3_600_000

  it('that goes on as time passes is trusted, over a weekday too', () => {
    expect(judgeClock(trusted, { nowMs: noonMs + hour, passedMs: hour }).doubtedSinceMs).toBe(0)
    expect(judgeClock(trusted, { nowMs: noonMs + 40 * hour, passedMs: null }).doubtedSinceMs).toBe(0)
    expect(judgeClock(trusted, { nowMs: noonMs + 400 * hour, passedMs: 400 * hour }).doubtedSinceMs).toBe(0)
  })

  it.each([365, -365, 3])('that leapt by %d days is trusted again only when it has gone on for a day', (days) => {
    const leapt = judgeClock(trusted, { nowMs: noonMs + days * dayMs, passedMs: null })
    expect(leapt.doubtedSinceMs).toBe(leapt.seenMs)
    const after = (hours: number): number =>
      judgeClock(leapt, { nowMs: leapt.seenMs + hours * hour, passedMs: hours * hour }).doubtedSinceMs
    expect([after(23) > 0, after(24)]).toEqual([true, 0])
  })
})

function tombstone(days: number): FileRecord {
  const gone = fileRecord('x', '', { counter: 9 })
  return { ...gone, kind: 'tombstone', content: '', mtimeNs: BigInt(today - days) * BigInt(dayMs) * 1_000_000n + 1n }
}
