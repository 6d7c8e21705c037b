import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sameDiskState, type DiskState } from '../../src/model/disk-state.ts'
import { diskStateBytes } from '../../src/model/disk-state-codec.ts'
import { packStates, StateReader, unpackStates } from '../../src/model/packed-states.ts'

const states: fc.Arbitrary<DiskState> = fc.record({
  kind: fc.constantFrom('file', 'folder', 'symlink'),
  sizeBytes: fc.nat(2 ** 48 - 1),
  mtimeNs: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 71n), max: 2n ** 71n - 1n }),
  ),
  ctimeNs: fc.bigInt({ min: 0n, max: 2n ** 65n }),
  inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  mode: fc.integer({ min: 0, max: 0o7777 }),
})

describe('packed states', () => {
  it('come back as they were, from another thread too', () => {
    fc.assert(
      fc.property(fc.array(states), (list) => {
        const packed = structuredClone(packStates(list))
        expect(unpackStates(packed, list.length)).toEqual(list)
        const reader = new StateReader(packed)
        expect(list.map((_, i) => reader.at(i)).toReversed()).toEqual(list.toReversed())
      }),
    )
  })

  it('are the same as the states that sameDiskState takes for the same', () => {
    const changes = fc.record({
      kind: fc.constantFrom('file', 'folder', 'symlink'),
      sizeBytes: fc.nat(3),
      mtimeNs: fc.constantFrom(0n, 1n, 2n ** 64n),
      ctimeNs: fc.constantFrom(0n, 1n, 2n ** 64n),
      inode: fc.constantFrom(0n, 1n, 2n ** 64n - 1n),
      mode: fc.constantFrom(0o644, 0o755),
    }) satisfies fc.Arbitrary<DiskState>
    fc.assert(
      fc.property(changes, changes, (a, b) => {
        const reader = new StateReader(packStates([a]))
        expect(reader.isSameAt(0, packStates([b]), 0)).toBe(sameDiskState(a, b))
        expect(reader.isSameAt(0, packStates([b, a]), diskStateBytes)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
