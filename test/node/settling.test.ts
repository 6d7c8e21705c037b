import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { DiskState } from '../../src/model/disk-state.ts'
import { parseRelativePath, type RelativePath } from '../../src/model/relative-path.ts'
import { Settling, type Sorted } from '../../src/node/settling.ts'
import type { ScanEntry } from '../../src/ports/file-tasks.ts'
import { ManualClock } from '../twins/manual-clock.ts'

const mebibyte = 1024 * 1024
const hourMs = 3_600_000
const noPaths = new Set<RelativePath>()

let clock: ManualClock
let settling: Settling
/** What the index knows: a test takes in by {@link take}. */
let index: Map<string, DiskState>

beforeEach(() => {
  clock = new ManualClock()
  settling = new Settling(clock)
  index = new Map()
})

function written(
  path: string,
  options: { ageMs?: number; sizeBytes?: number; kind?: DiskState['kind'] } = {},
): ScanEntry {
  const { ageMs = 0, sizeBytes = 100, kind = 'file' } = options
  const timeNs = BigInt(Math.round((clock.now() - ageMs) * 1e6))
  const disk = { kind, sizeBytes, mtimeNs: timeNs, ctimeNs: timeNs, inode: 7n, mode: 0o644 }
  return { path: parseRelativePath(path), disk, linkTarget: '' }
}

function sort(changed: readonly ScanEntry[], gone: readonly string[] = []): Sorted {
  return settling.sort({ changed, gone: gone.map(parseRelativePath) }, (path) => index.get(path) ?? null)
}

function take(...entries: readonly ScanEntry[]): void {
  for (const { path, disk } of entries) {
    index.set(path, disk)
    settling.forget(path)
  }
}

function pathsOf(list: readonly { readonly path: RelativePath }[]): readonly string[] {
  return list.map((one) => one.path)
}

describe('a file', () => {
  it('that is new and small is taken at once', () => {
    const entry = written('a')
    expect(sort([entry])).toEqual({ changed: [entry], gone: [], waiting: [], together: noPaths })
    expect(settling.size).toBe(0)
  })

  it('that is saved now and then is taken at once each time', async () => {
    for (let i = 0; i < 100; i++) {
      const entry = written('a')
      expect(sort([entry]).changed).toEqual([entry])
      take(entry)
      await clock.advance(600)
    }
  })

  it('that is written all the time is taken a few times, then once in ten seconds', async () => {
    const takenAt: number[] = []
    for (let ms = 0; ms < 60_000; ms += 20) {
      const entry = written('log', { sizeBytes: ms })
      if (sort([entry]).changed.length > 0) {
        takenAt.push(ms)
        take(entry)
      }
      await clock.advance(20)
    }
    const later = takenAt.filter((ms) => ms > 1_000)
    expect(takenAt.length - later.length).toBeLessThanOrEqual(20)
    expect(later.length).toBeGreaterThanOrEqual(5)
    expect(Math.min(...later.slice(1).map((ms, i) => ms - later[i]!))).toBeGreaterThanOrEqual(10_000)
  })

  it('that was written all the time is taken a quarter of a second after the last write', async () => {
    let entry = written('log')
    for (let i = 0; i < 40; i++) {
      entry = written('log')
      if (sort([entry]).changed.length > 0) take(entry)
      await clock.advance(10)
    }
    await clock.advance(200)
    expect(pathsOf(sort([entry]).waiting)).toEqual(['log'])
    await clock.advance(50)
    expect(sort([entry])).toEqual({ changed: [entry], gone: [], waiting: [], together: noPaths })
  })

  it('that is large and grows waits for a fifth of the time that hashing takes', async () => {
    const entry = written('film', { sizeBytes: 1024 * mebibyte })
    const { waiting } = sort([entry])
    expect(waiting).toEqual([{ path: 'film', delayMs: 102.4, problem: null }])
    await clock.advance(50)
    const grown = written('film', { sizeBytes: 1100 * mebibyte })
    expect(sort([grown]).waiting).toHaveLength(1)
    await clock.advance(110)
    expect(sort([grown]).changed).toEqual([grown])
  })

  it('that is large and never rests is taken after a minute', async () => {
    let seconds = 0
    while (sort([written('film', { sizeBytes: 5000 * mebibyte })]).changed.length === 0) {
      await clock.advance(200)
      seconds += 0.2
    }
    expect(seconds).toBeCloseTo(60)
  })

  it('that was written before is taken at once, whatever its size', () => {
    const entries = Array.from({ length: 1000 }, (_, i) =>
      written(`f${i}`, { ageMs: 5_000 + i, sizeBytes: i * 100 * mebibyte }),
    )
    expect(sort(entries)).toEqual({ changed: entries, gone: [], waiting: [], together: noPaths })
    expect(settling.size).toBe(0)
  })

  it('that was only renamed is taken at once, so that it is seen with the place that it left', () => {
    const old = written('film', { ageMs: hourMs, sizeBytes: 5000 * mebibyte })
    const entry = { ...old, disk: { ...old.disk, ctimeNs: written('film').disk.ctimeNs } }
    expect(sort([entry], ['old name'])).toMatchObject({ changed: [entry], gone: ['old name'] })
  })

  it.each([
    ['an hour behind', hourMs],
    ['an hour ahead', -hourMs],
  ])('on a disk whose clock is %s is taken at once', (_, ageMs) => {
    const entry = written('film', { ageMs, sizeBytes: 5000 * mebibyte })
    expect(sort([entry]).changed).toEqual([entry])
  })

  it('on a disk whose clock is seconds ahead waits no longer than others', async () => {
    const entry = written('film', { ageMs: -5_000, sizeBytes: 1024 * mebibyte })
    expect(sort([entry]).waiting[0]?.delayMs).toBeCloseTo(102.4)
    await clock.advance(103)
    expect(sort([entry]).changed).toEqual([entry])
  })

  it('never keeps folders and links waiting', () => {
    const entries = [written('a', { kind: 'folder' }), written('b', { kind: 'symlink', sizeBytes: 2 ** 40 })]
    for (let i = 0; i < 50; i++) {
      expect(sort(entries).changed).toEqual(entries)
      take(...entries)
    }
  })

  it('is forgotten when it is gone, and when nobody asks for it any more', async () => {
    sort([written('a', { sizeBytes: 1024 * mebibyte }), written('b', { sizeBytes: 1024 * mebibyte })])
    expect(settling.size).toBe(2)
    expect(sort([], ['a']).gone).toEqual(['a'])
    expect(settling.size).toBe(1)
    expect(settling.isHolding).toBe(true)
    await clock.advance(75_000)
    expect(settling.isHolding).toBe(false)
    sort([])
    expect(settling.size).toBe(0)
  })
})

describe('a file that changes while it is read', () => {
  it('is read again after a while that doubles up to ten seconds', async () => {
    const delays: number[] = []
    for (let i = 0; i < 9; i++) {
      const entry = written('a')
      expect(pathsOf(sort([entry]).changed)).toEqual(['a'])
      const { delayMs } = settling.disturbed(entry)
      delays.push(Math.round(delayMs))
      await clock.advance(delayMs)
    }
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  })

  it('is not read before that while is over', async () => {
    const entry = written('a')
    settling.disturbed(entry)
    await clock.advance(60)
    expect(Math.round(sort([entry]).waiting[0]!.delayMs)).toBe(40)
  })

  it('is read a fifth of the time at most when it is large', () => {
    const entry = written('film', { sizeBytes: 8192 * mebibyte })
    const hashMs = 8192 / 2
    expect(settling.disturbed(entry).delayMs).toBe(100 + 4 * hashMs)
  })

  it('is said to be written all the time after the bound, until it was taken', async () => {
    const entry = written('a')
    expect(settling.disturbed(entry).problem).toBeNull()
    await clock.advance(10_000)
    sort([entry])
    expect(settling.disturbed(entry).problem).toMatch(/written all the time/)
    expect(sort([entry]).waiting[0]?.problem).toMatch(/written all the time/)
    take(entry)
    expect(settling.disturbed(entry).problem).toBeNull()
  })
})

describe('a database', () => {
  const all = ['x', 'x-wal', 'x-shm', 'x-journal']

  it.each(['d/x-wal', 'd/x-shm', 'd/x-journal'])('is looked at as a whole when %s changes', (path) => {
    const others = all.map((name) => `d/${name}`).filter((other) => other !== path)
    expect(settling.companionsOf(parseRelativePath(path))).toEqual(others)
  })

  it.each(['x', 'd/-wal', '-wal', 'wal', 'x-wall'])('is no reason to look at more than %s', (path) => {
    expect(settling.companionsOf(parseRelativePath(path))).toEqual([])
  })

  it('waits until half a second has passed without a write, then comes out as a whole', async () => {
    const base = written('x', { ageMs: 400 })
    index.set('x', written('x', { ageMs: hourMs }).disk)
    const wal = written('x-wal')
    expect(sort([base, wal])).toEqual({
      changed: [],
      gone: [],
      waiting: [{ path: 'x', delayMs: 500, problem: null }],
      together: noPaths,
    })
    expect(settling.companionsOf(parseRelativePath('x'))).toEqual(all.slice(1))
    await clock.advance(300)
    const longer = written('x-wal', { sizeBytes: 5000 })
    expect(sort([base, longer]).changed).toEqual([])
    await clock.advance(499)
    expect(sort([base, longer]).changed).toEqual([])
    await clock.advance(1)
    expect(sort([base, longer])).toEqual({
      changed: [base, longer],
      gone: [],
      waiting: [],
      together: new Set(['x', 'x-wal']),
    })
  })

  it('waits when its log alone has changed', () => {
    index.set('x', written('x', { ageMs: hourMs }).disk)
    expect(pathsOf(sort([written('x-wal')]).waiting)).toEqual(['x'])
  })

  it('keeps the removal of its journal back until what the journal stood for can be taken', async () => {
    index.set('x-journal', written('x-journal').disk)
    const base = written('x')
    expect(sort([base], ['x-journal', 'other'])).toMatchObject({ changed: [], gone: ['other'] })
    await clock.advance(500)
    expect(sort([base], ['x-journal'])).toEqual({
      changed: [base],
      gone: ['x-journal'],
      waiting: [],
      together: new Set(['x', 'x-journal']),
    })
  })

  it('that is written all the time is taken after a minute as it is', async () => {
    let waitedMs = 0
    for (;;) {
      const { changed } = sort([written('x'), written('x-wal')])
      if (changed.length > 0) break
      await clock.advance(100)
      waitedMs += 100
    }
    expect(waitedMs).toBe(60_000)
  })

  it('that is at rest is taken at once', () => {
    const entries = all.map((path) => written(path, { ageMs: 1_000 }))
    expect(sort(entries)).toEqual({ changed: entries, gone: [], waiting: [], together: noPaths })
  })

  it('waits as a whole when one of its files changed while it was read', async () => {
    const entries = [written('x'), written('x-wal')]
    sort(entries)
    await clock.advance(500)
    expect(sort(entries).changed).toEqual(entries)
    expect(settling.disturbed(entries[1]!)).toMatchObject({ path: 'x' })
    expect(sort(entries).changed).toEqual([])
    await clock.advance(101)
    expect(sort(entries).changed).toEqual(entries)
  })

  it('is none when a name only looks like it: the file is taken at once', () => {
    const journal = written('my-journal')
    expect(sort([journal]).changed).toEqual([journal])
    const folder = written('my', { kind: 'folder' })
    expect(sort([folder, journal]).changed).toEqual([folder, journal])
    index.set('my', folder.disk)
    expect(sort([journal]).changed).toEqual([journal])
  })
})

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
        clock = new ManualClock()
        index = new Map()
        let offMs = 0
        settling = new Settling({ now: () => clock.now() + offMs, monotonic: () => clock.monotonic() })
        const dirty = new Map<string, { entry: ScanEntry; sinceMs: number }>()
        const look = (): void => {
          const { changed, waiting } = sort(Array.from(dirty.values(), ({ entry }) => entry))
          const nowMs = clock.monotonic()
          for (const entry of changed) {
            take(entry)
            dirty.delete(entry.path)
          }
          for (const { delayMs } of waiting) expect(delayMs).toBeLessThanOrEqual(60_000)
          for (const { sinceMs } of dirty.values()) expect(nowMs - sinceMs).toBeLessThanOrEqual(60_900)
        }
        for (const { write, sizeBytes, pauseMs, wallJumpMs } of steps) {
          offMs += wallJumpMs
          for (const path of write) {
            const since = dirty.get(path)?.sinceMs ?? clock.monotonic()
            dirty.set(path, { entry: written(path, { sizeBytes }), sinceMs: since })
          }
          look()
          await clock.advance(pauseMs)
        }
        look()
        await clock.advance(2_500)
        look()
        expect([...dirty.keys()]).toEqual([])
        await clock.advance(80_000)
        sort([])
        expect(settling.size).toBe(0)
      }),
      { seed: 20_260_803, numRuns: 60 },
    )
  })
})
