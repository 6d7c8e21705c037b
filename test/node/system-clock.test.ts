import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/node/system-clock.ts'

describe('the clock of the system', () => {
  it('is done at once with a sleep whose end has passed, without a warning to whoever reads the console', async () => {
    const warnings: string[] = []
    const note = (warning: Error): number => warnings.push(warning.name)
    process.on('warning', note)
    await systemClock.sleep(-0.005)
    setImmediate(() => process.emitWarning('the last', 'Last'))
    await once(process, 'warning')
    process.off('warning', note)
    expect(warnings).toEqual(['Last'])
  })

  it('rejects a sleep that is given up, with the reason', async () => {
    const reason = new Error('given up')
    await expect(systemClock.sleep(1, AbortSignal.abort(reason))).rejects.toBe(reason)
    const later = new AbortController()
    const sleeping = systemClock.sleep(60_000, later.signal)
    later.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
  })
})
