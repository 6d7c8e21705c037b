import { expect, it } from 'vitest'
import { LookFailures } from '../../src/node/look-failures.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { silentLogger } from '../twins/silent-logger.ts'

it('failures to look at a folder are told once a minute, and lead to one more look each time', async () => {
  const clock = new ManualClock()
  const told: unknown[] = []
  const logger = { ...silentLogger, error: (_: string, fields?: object) => void told.push(fields) }
  const failures = new LookFailures({ clock, logger, signal: new AbortController().signal })
  let retries = 0
  const fail = (text: string): void => void failures.onFailed(new Error(text), () => retries++)
  for (let i = 0; i < 10; i++) fail('full')
  await clock.advance(5000)
  expect([told, retries]).toEqual([[{ error: 'full' }], 1])
  fail('read-only')
  await clock.advance(5000)
  expect([told.length, retries]).toEqual([2, 2])
  fail('read-only')
  await clock.advance(61_000)
  fail('read-only')
  await clock.advance(5000)
  expect([told.length, retries]).toEqual([3, 4])
})
