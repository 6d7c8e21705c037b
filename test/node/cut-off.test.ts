import { describe, expect, it } from 'vitest'
import type { DiskState } from '../../src/model/disk-state.ts'
import { isCutOff } from '../../src/node/cut-off.ts'

const secondNs = 1_000_000_000n
const known: DiskState = {
  kind: 'file',
  sizeBytes: 100,
  mtimeNs: 1000n * secondNs,
  ctimeNs: 1000n * secondNs,
  inode: 7n,
  mode: 0o644,
}

describe('what a power cut has taken off a file', () => {
  it.each([
    ['is empty with the time that it had', { sizeBytes: 0 }],
    ['is shorter with the time that it had', { sizeBytes: 99 }],
    ['is empty with a time of seconds before', { sizeBytes: 0, ctimeNs: 970n * secondNs }],
  ])('a file that %s is damaged', (_, now) => {
    expect(isCutOff(known, { ...known, ...now })).toBe(true)
  })

  it.each([
    ['somebody has cut', { sizeBytes: 0, ctimeNs: 1000n * secondNs + 1n }],
    ['took its place', { sizeBytes: 0, inode: 8n }],
    ['has grown', { sizeBytes: 101 }],
    ['is as long as it was', { mtimeNs: 0n }],
    [
      'was edited where the clock went back a year',
      { sizeBytes: 0, ctimeNs: 1000n * secondNs - 31_536_000n * secondNs },
    ],
    ['is a link now', { kind: 'symlink', sizeBytes: 3 } as const],
  ])('a file that %s is none of it', (_, now) => {
    expect(isCutOff(known, { ...known, ...now })).toBe(false)
  })
})
