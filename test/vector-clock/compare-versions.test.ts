import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { VersionVector } from '../../src/model/version-vector.ts'
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
