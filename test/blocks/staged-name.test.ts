import { describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { isResumableName, pathPartOf, stagedNameFor } from '../../src/blocks/staged-name.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'

const a = parseRelativePath('a')
const b = parseRelativePath('b')
const one = hashBlock(Uint8Array.of(1))
const two = hashBlock(Uint8Array.of(2))

describe('the name of a staged file', () => {
  it('is found again by path and content, after any restart', () => {
    expect(stagedNameFor(a, one)).toBe(stagedNameFor(a, one))
    expect(stagedNameFor(a, one)).toBe('r17762fddd9698d02ee238dff')
  })

  it('is another for another path or content, and tells versions of one path from other paths', () => {
    const names = [stagedNameFor(a, one), stagedNameFor(a, two), stagedNameFor(b, one)]
    expect(new Set(names).size).toBe(3)
    expect(pathPartOf(names[1]!)).toBe(pathPartOf(names[0]!))
    expect(pathPartOf(names[2]!)).not.toBe(pathPartOf(names[0]!))
  })

  it('is told from all other names', () => {
    expect(isResumableName(stagedNameFor(a, one))).toBe(true)
    for (const other of ['0123456789abcdef01234567', 'new-link', `${stagedNameFor(a, one)}-copy`, 'r0']) {
      expect(isResumableName(other), other).toBe(false)
    }
  })
})
