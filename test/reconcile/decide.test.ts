import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { fingerprint, isLive, type FileRecord } from '../../src/model/file-record.ts'
import { versionEntriesMax } from '../../src/model/limits.ts'
import type { VersionVector } from '../../src/model/version-vector.ts'
import type { WriterId } from '../../src/model/writer-id.ts'
import { decide, type Decision } from '../../src/reconcile/decide.ts'
import { compareVersions, joinVersions } from '../../src/vector-clock/compare-versions.ts'
import { compareRecords } from '../../src/vector-clock/order-records.ts'
import { anyKind, anyRecord, recordOf, writerOf } from '../vector-clock/any-record.ts'
import { World, type Step } from './world.ts'

function after(local: FileRecord, decision: Decision): FileRecord {
  return decision.action === 'nothing' ? local : decision.record
}

function survivors(a: FileRecord, b: FileRecord): string[] {
  const [here, there] = [decide(a, b), decide(b, a)]
  const copies = [
    ...(here.action === 'take-keeping-copy' ? [a] : []),
    ...(there.action === 'take-keeping-copy' ? [b] : []),
  ]
  const rest = after(after(a, here), decide(after(a, here), after(b, there)))
  return [rest, ...copies].map(fingerprint).toSorted()
}

const left = { version: [[writerOf(0), 2]], writer: writerOf(0) } as const
const right = { version: [[writerOf(1), 1]], writer: writerOf(1), writerName: 'lap' } as const

describe('decide, between two devices', () => {
  it('lets exactly one side act, or both end with the same', () => {
    fc.assert(
      fc.property(anyRecord, anyRecord, (a, b) => {
        const [here, there] = [decide(a, b), decide(b, a)]
        const acting = [here, there].filter(({ action }) => action !== 'nothing').length
        if (acting !== 1) expect(after(a, here)).toEqual(after(b, there))
        expect([here, there].filter(({ action }) => action === 'take-keeping-copy').length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 5000 },
    )
  })

  it('raises the record in the order of version and fields whenever it acts', () => {
    fc.assert(
      fc.property(anyRecord, anyRecord, (local, remote) => {
        const decision = decide(local, remote)
        if (decision.action === 'nothing') return
        const step = compareVersions(decision.record.version, local.version)
        expect(step === 'after' || (step === 'equal' && compareRecords(decision.record, local) > 0)).toBe(true)
        expect(decision.record.version).toEqual(joinVersions(local.version, remote.version))
      }),
      { numRuns: 5000 },
    )
  })

  it('acts on one side at least unless both hold the same', () => {
    fc.assert(
      fc.property(anyRecord, anyRecord, (a, b) => {
        if (decide(a, b).action === 'nothing' && decide(b, a).action === 'nothing') expect(a).toEqual(b)
      }),
      { numRuns: 5000 },
    )
  })

  it('makes no copy of what both sides have', () => {
    fc.assert(
      fc.property(anyRecord, anyRecord, (a, b) => {
        fc.pre(fingerprint(a) === fingerprint(b))
        expect(['adopt', 'nothing']).toContain(decide(a, b).action)
      }),
    )
  })

  it('does not let a clock change which contents survive', () => {
    const year = 31_557_600_000_000_000n
    fc.assert(
      fc.property(anyRecord, anyRecord, fc.constantFrom(year, -year), (a, b, shift) => {
        expect(survivors({ ...a, mtimeNs: a.mtimeNs + shift }, b)).toEqual(survivors(a, b))
      }),
      { numRuns: 5000 },
    )
  })

  it('lets an edit beat a concurrent deletion, unless exactly that content was deleted', () => {
    const edited = fc.integer({ min: 1, max: 3 }).map((seed) => recordOf('file', seed, left))
    fc.assert(
      fc.property(edited, fc.integer({ min: 1, max: 3 }), fc.nat(9), (edit, deletedSeed, mtime) => {
        const basis = fingerprint(recordOf('file', deletedSeed))
        const deletion = recordOf('tombstone', 0, { ...right, basis, mtimeNs: BigInt(mtime) * edit.mtimeNs })
        const end = after(edit, decide(edit, deletion))
        expect(isLive(end)).toBe(fingerprint(edit) !== basis)
        expect(after(deletion, decide(deletion, edit)).kind).toBe(end.kind)
      }),
    )
  })

  it('takes what it has never heard of, a deletion too', () => {
    for (const remote of [recordOf('file', 1), recordOf('tombstone', 0)]) {
      expect(decide(null, remote)).toEqual({ action: 'take', record: remote })
    }
  })

  it('tells why it does nothing', () => {
    const old = recordOf('file', 1, { version: [[writerOf(0), 1]] })
    const now = recordOf('file', 2, { version: [[writerOf(0), 2]] })
    const other = recordOf('file', 3, { ...right, mtimeNs: 1n })
    expect(decide(now, old)).toEqual({ action: 'nothing', reason: 'older' })
    expect(decide(now, now)).toEqual({ action: 'nothing', reason: 'same' })
    expect(decide(now, other)).toEqual({ action: 'nothing', reason: 'winner' })
  })

  it('takes an edit of exactly what it has without a copy, although the versions are concurrent', () => {
    const base = recordOf('file', 1, left)
    const edit = recordOf('file', 2, { ...right, basis: fingerprint(base), mtimeNs: 1n })
    const version = joinVersions(base.version, edit.version)
    expect(decide(base, edit)).toEqual({ action: 'take', record: { ...edit, version } })
    expect(decide(edit, base)).toEqual({ action: 'keep', record: { ...edit, version } })
  })

  it('keeps the loser of a conflict at the device that holds it', () => {
    const loser = recordOf('file', 1, left)
    const winner = recordOf('file', 2, { ...right, mtimeNs: loser.mtimeNs + 1n })
    expect(decide(winner, loser)).toEqual({ action: 'nothing', reason: 'winner' })
    expect(decide(loser, winner)).toEqual({
      action: 'take-keeping-copy',
      record: { ...winner, version: joinVersions(loser.version, winner.version) },
      copyPath: expect.stringMatching(/^a \(desk's conflicted copy 2023-11-14 [0-9a-f]{8}\)\.txt$/u) as string,
    })
  })

  it('lets a folder take the place of a file, which is kept', () => {
    const file = recordOf('file', 1, left)
    const folder = recordOf('folder', 0, { ...right, mtimeNs: 0n })
    expect(decide(folder, file)).toEqual({ action: 'nothing', reason: 'winner' })
    expect(decide(file, folder).action).toBe('take-keeping-copy')
  })

  it('refuses to compare two paths', () => {
    expect(() => decide(recordOf('file', 1, { path: 'b' as FileRecord['path'] }), recordOf('file', 1))).toThrow(
      'one path',
    )
  })
})

const devicesMax = 4
const anyDevice = fc.nat(devicesMax - 1)
const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('edit' as const),
      device: anyDevice,
      kind: anyKind,
      seed: fc.integer({ min: 1, max: 4 }),
      time: fc.integer({ min: -9, max: 9 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('deliver' as const), from: anyDevice, to: anyDevice }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lose-index' as const), device: anyDevice }) },
)

function stepsFor(devices: number, steps: readonly Step[]): Step[] {
  return steps.filter((step) =>
    step.type === 'deliver' ? Math.max(step.from, step.to) < devices : step.device < devices,
  )
}

/** A choice that depends on nothing but `seed`. */
function picker(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

describe('decide, among two to four devices', () => {
  const anyWorld = fc.record({
    devices: fc.integer({ min: 2, max: devicesMax }),
    steps: fc.array(anyStep, { maxLength: 16 }),
    seed: fc.nat(),
  })

  it('comes to rest with the same record everywhere, whatever the order of messages', () => {
    fc.assert(
      fc.property(anyWorld, ({ devices, steps, seed }) => {
        const world = new World(devices)
        world.run(stepsFor(devices, steps))
        world.settle(picker(seed), devices + 2)
        for (const record of world.records) expect(record).toEqual(world.records[0])
      }),
      { numRuns: 5000 },
    )
  })

  it('loses nothing that nobody has seen: it is there, in a copy, or replaced by somebody who had it', () => {
    fc.assert(
      fc.property(anyWorld, ({ devices, steps, seed }) => {
        const world = new World(devices)
        world.run(stepsFor(devices, steps))
        world.settle(picker(seed), devices + 2)
        expect(world.lost()).toEqual([])
      }),
      { numRuns: 5000 },
    )
  })

  it.each([
    ['more', 0],
    ['less', 1000],
  ])('does so after more writers than a record can name, of which each has counted %s than they', (_, counter) => {
    const past = Array.from({ length: versionEntriesMax - 1 }, (__, i): VersionVector[number] => {
      return [i.toString(16).padStart(32, '0') as WriterId, 500 + (i % 7)]
    })
    fc.assert(
      fc.property(anyWorld, ({ devices, steps, seed }) => {
        const world = new World(devices, { past, counter })
        world.run(stepsFor(devices, steps))
        world.settle(picker(seed), devices + 2)
        for (const record of world.records) expect(record).toEqual(world.records[0])
        expect(world.records[0]?.version.length ?? 0).toBeLessThanOrEqual(versionEntriesMax)
        expect(world.lost()).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('ends with the same winner and the same copies in any order when the versions are unrelated', () => {
    const anyTimes = fc.array(fc.nat(3), { minLength: 2, maxLength: devicesMax })
    fc.assert(
      fc.property(anyTimes, fc.nat(), fc.nat(), (times, seed, otherSeed) => {
        const ends = [seed, otherSeed].map((order) => {
          const world = new World(times.length)
          times.forEach((time, device) => world.edit(device, recordOf('file', device + 1, { mtimeNs: BigInt(time) })))
          world.settle(picker(order), times.length + 2)
          return { winner: world.records[0], copies: new Map(world.copies) }
        })
        expect(ends[0]).toEqual(ends[1])
        expect(ends[0]!.copies.size).toBe(times.length - 1)
      }),
      { numRuns: 2000 },
    )
  })
})
