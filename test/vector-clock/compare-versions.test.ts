import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { versionEntriesMax } from '../../src/model/limits.ts'
import type { VersionVector } from '../../src/model/version-vector.ts'
import type { WriterId } from '../../src/model/writer-id.ts'
import {
  advanceVersion,
  compareVersions,
  joinVersions,
  type VersionOrder,
} from '../../src/vector-clock/compare-versions.ts'
import { anyVersion, writerOf } from './any-record.ts'

const mirrored: Readonly<Record<VersionOrder, VersionOrder>> = {
  equal: 'equal',
  before: 'after',
  after: 'before',
  concurrent: 'concurrent',
}

function knows(a: VersionVector, b: VersionVector): boolean {
  const order = compareVersions(a, b)
  return order === 'after' || order === 'equal'
}

describe('compareVersions', () => {
  it('is a partial order', () => {
    fc.assert(
      fc.property(anyVersion, anyVersion, anyVersion, (a, b, c) => {
        expect(compareVersions(a, a)).toBe('equal')
        expect(compareVersions(b, a)).toBe(mirrored[compareVersions(a, b)])
        if (knows(a, b) && knows(b, a)) expect(a).toEqual(b)
        if (knows(a, b) && knows(b, c)) expect(knows(a, c)).toBe(true)
      }),
    )
  })

  it('calls two changes of one origin concurrent', () => {
    const origin: VersionVector = [[writerOf(1), 3]]
    const left = advanceVersion(origin, writerOf(0), 1)
    const right = advanceVersion(origin, writerOf(2), 1)
    expect(compareVersions(origin, left)).toBe('before')
    expect(compareVersions(left, right)).toBe('concurrent')
  })
})

describe('joinVersions', () => {
  it('gives the least version that knows both', () => {
    fc.assert(
      fc.property(anyVersion, anyVersion, anyVersion, (a, b, other) => {
        const join = joinVersions(a, b)
        expect(knows(join, a) && knows(join, b)).toBe(true)
        if (knows(other, a) && knows(other, b)) expect(knows(other, join)).toBe(true)
      }),
    )
  })

  it('does not depend on order or repetition', () => {
    fc.assert(
      fc.property(anyVersion, anyVersion, anyVersion, (a, b, c) => {
        expect(joinVersions(a, a)).toEqual(a)
        expect(joinVersions(a, b)).toEqual(joinVersions(b, a))
        expect(joinVersions(joinVersions(a, b), c)).toEqual(joinVersions(a, joinVersions(b, c)))
      }),
    )
  })
})

describe('versions of more writers than a record can name', () => {
  /** Most of a few hundred writers, with counters that are often alike. */
  const anyLong: fc.Arbitrary<VersionVector> = fc
    .tuple(fc.nat(9), fc.integer({ min: 1, max: 50 }))
    .map(([without, counters]) =>
      Array.from({ length: versionEntriesMax + 60 }, (_, i) => i)
        .filter((i) => i % 10 !== without)
        .map((i) => [(i * 7919).toString(16).padStart(32, '0') as WriterId, 1 + ((i * i) % counters)] as const)
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .slice(0, versionEntriesMax),
    )

  it('are joined to one that can be told, whatever the order', () => {
    fc.assert(
      fc.property(anyLong, anyLong, anyLong, (a, b, c) => {
        expect(joinVersions(a, a)).toEqual(a)
        expect(joinVersions(a, b)).toEqual(joinVersions(b, a))
        expect(joinVersions(joinVersions(a, b), c)).toEqual(joinVersions(a, joinVersions(b, c)))
        expect(joinVersions(a, b).length).toBeLessThanOrEqual(versionEntriesMax)
      }),
      { numRuns: 50 },
    )
  })

  it('name the writer of the last change in any case', () => {
    fc.assert(
      fc.property(anyLong, fc.integer({ min: 1, max: 100 }), (version, counter) => {
        const next = advanceVersion(version, writerOf(0), counter)
        expect(next.length).toBeLessThanOrEqual(versionEntriesMax)
        expect(next).toContainEqual([writerOf(0), counter])
        expect(next.map(([id]) => id)).toEqual(next.map(([id]) => id).toSorted())
      }),
      { numRuns: 50 },
    )
  })
})

describe('advanceVersion', () => {
  it('gives a later version in canonical order', () => {
    fc.assert(
      fc.property(anyVersion, fc.nat(2), (version, writer) => {
        const next = advanceVersion(version, writerOf(writer), 3)
        expect(compareVersions(next, version)).toBe('after')
        expect(next.map(([id]) => id)).toEqual(next.map(([id]) => id).toSorted())
      }),
    )
  })

  it('refuses a counter that does not rise', () => {
    expect(() => advanceVersion([[writerOf(0), 4]], writerOf(0), 4)).toThrow('a counter only rises')
  })
})
