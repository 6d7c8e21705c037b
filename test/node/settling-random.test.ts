import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ScanEntry } from '../../src/ports/file-tasks.ts'
import { hourMs, mebibyte, SettlingWorld } from './settling-world.ts'

describe('whatever is written', () => {
  const names = ['a', 'x', 'x-wal', 'x-journal', 'big']
  const step = fc.record({
    write: fc.subarray(names),
    sizeBytes: fc.nat({ max: 10_000 }).map((size) => size * mebibyte),
    pauseMs: fc.integer({ min: 1, max: 900 }),
    wallJumpMs: fc.constantFrom(0, 0, 0, hourMs, -hourMs),
  })

  it('is taken within its bound, also when the wall clock jumps', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 150 }), async (steps) => {
        const world = new SettlingWorld()
        const dirty = new Map<string, { entry: ScanEntry; sinceMs: number }>()
        const look = (): void => {
          const { changed, waiting } = world.sort(Array.from(dirty.values(), ({ entry }) => entry))
          const nowMs = world.clock.monotonic()
          for (const entry of changed) {
            world.take(entry)
            dirty.delete(entry.path)
          }
          for (const { delayMs } of waiting) expect(delayMs).toBeLessThanOrEqual(60_000)
          for (const { sinceMs } of dirty.values()) expect(nowMs - sinceMs).toBeLessThanOrEqual(60_900)
        }
        for (const { write, sizeBytes, pauseMs, wallJumpMs } of steps) {
          world.wallOffMs += wallJumpMs
          for (const path of write) {
            const since = dirty.get(path)?.sinceMs ?? world.clock.monotonic()
            dirty.set(path, { entry: world.written(path, { sizeBytes }), sinceMs: since })
          }
          look()
          await world.clock.advance(pauseMs)
        }
        look()
        await world.clock.advance(2_500)
        look()
        expect([...dirty.keys()]).toEqual([])
        await world.clock.advance(80_000)
        world.sort([])
        expect(world.settling.size).toBe(0)
      }),
      { seed: 20_260_803, numRuns: 60 },
    )
  })
})
