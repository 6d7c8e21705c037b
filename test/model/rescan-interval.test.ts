import { describe, expect, it } from 'vitest'
import { neverRescan, parseRescanInterval } from '../../src/model/rescan-interval.ts'

describe('an interval between scans', () => {
  it.each([
    ['90s', 90_000],
    ['30m', 30 * 60_000],
    ['1.5h', 90 * 60_000],
    [' 1 D ', 86_400_000],
    ['1s', 1_000],
    ['7d', 7 * 86_400_000],
    ['0', neverRescan],
    ['0s', neverRescan],
    ['Never', neverRescan],
  ])('%j is %d ms', (text, intervalMs) => {
    expect(parseRescanInterval(text)).toBe(intervalMs)
  })

  it.each(['', '30', '30 minutes', '-5m', '1e3s', '0.5s', '8d', 'm', '1h30m', 'NaNs', '9'.repeat(400) + 's'])(
    'is refused when it is %j, with what it may be',
    (text) => {
      expect(() => parseRescanInterval(text)).toThrow(/no interval between scans/)
      expect(() => parseRescanInterval(text)).toThrow(expect.objectContaining({ code: 'usage' }))
    },
  )
})
