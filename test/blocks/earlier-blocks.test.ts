import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EarlierBlocks } from '../../src/blocks/earlier-blocks.ts'
import { hashFiles } from '../../src/blocks/hash-file.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { HashResult } from '../../src/ports/file-tasks.ts'
import { encodedListOf, listOf } from './list-of.ts'
import { PlainDisk, runJob } from './plain-disk.ts'
import { pseudoRandom } from './pseudo-random.ts'

const old = Buffer.concat([pseudoRandom('old', 900_000), new Uint8Array(600_000), pseudoRandom('end', 500_000)])

/** Puts bytes of its own in place of some. */
const anyEdit = fc.record({
  at: fc.nat(old.length),
  removed: fc.oneof(fc.nat(5), fc.nat(400_000)),
  added: fc.oneof(fc.nat(5), fc.nat(300_000)),
  kind: fc.constantFrom('random', 'zeros', 'moved'),
})

function edited(bytes: Buffer, edits: readonly { at: number; removed: number; added: number; kind: string }[]): Buffer {
  let result = bytes
  for (const { at, removed, added, kind } of edits) {
    const random = kind === 'random' ? pseudoRandom(`${at}`, added) : new Uint8Array(added)
    const piece = kind === 'moved' ? bytes.subarray(at >> 1, (at >> 1) + added) : random
    result = Buffer.concat([result.subarray(0, at), piece, result.subarray(at + removed)])
  }
  return result
}

function hash(bytes: Uint8Array, earlier?: Uint8Array): HashResult {
  const disk = new PlainDisk()
  disk.put('/root/a', bytes)
  const request = { path: 'a' as RelativePath, disk: disk.port.lstat('/root/a') as DiskState }
  const asked = earlier === undefined ? request : { ...request, earlier }
  return runJob(hashFiles(disk.port, '/root', [asked])).result[0]!
}

describe('a file of which an earlier version is known', () => {
  it('is cut as if it were not, whatever became of it', () => {
    const list = encodedListOf(old)
    fc.assert(
      fc.property(fc.array(anyEdit, { maxLength: 3 }), (edits) => {
        const bytes = edited(old, edits)
        expect(hash(bytes, list)).toEqual(hash(bytes))
      }),
      { numRuns: 60 },
    )
  })

  it('is cut as if it were not when it grows at its end, or ends where a block did', () => {
    const list = listOf(old)
    for (const size of [list.offsetAt(3), list.offsetAt(list.count - 1), old.length - 1, old.length, old.length + 1]) {
      const bytes = Buffer.concat([old, Buffer.from('more')]).subarray(0, size)
      expect(hash(bytes, encodedListOf(old))).toEqual(hash(bytes))
    }
  })

  it('is cut as if it were not when the list is of something else', () => {
    expect(hash(old, encodedListOf(pseudoRandom('other', 2_000_000)))).toEqual(hash(old))
  })
})

describe('what is expected', () => {
  const list = listOf(old)

  it('is what followed in the earlier version, also behind blocks that were not in it', () => {
    const blocks = new EarlierBlocks(list)
    expect(blocks.expected(0, old.length)).toEqual({ hash: list.hashAt(0), length: list.lengthAt(0) })
    blocks.cut(listOf(pseudoRandom('new', 100_000)).hashAt(0))
    expect(blocks.expected(5, old.length)?.hash).toBe(list.hashAt(1))
    blocks.cut(list.hashAt(3))
    expect(blocks.expected(9, old.length)?.hash).toBe(list.hashAt(4))
    blocks.came()
    expect(blocks.expected(9, old.length)?.hash).toBe(list.hashAt(5))
  })

  it('is its last block only where it ends the file, and no block that is longer than what is left', () => {
    const blocks = new EarlierBlocks(list)
    blocks.cut(list.hashAt(list.count - 2))
    const length = list.lengthAt(list.count - 1)
    expect(blocks.expected(10, 10 + length)?.length).toBe(length)
    expect(blocks.expected(10, 11 + length)).toBeNull()
    expect(new EarlierBlocks(list).expected(0, list.lengthAt(0) - 1)).toBeNull()
  })

  it('is nothing after many blocks that are not in it, until one that is', () => {
    const blocks = new EarlierBlocks(list)
    const unknown = listOf(pseudoRandom('new', 100_000)).hashAt(0)
    for (let i = 0; i < 8; i++) blocks.cut(unknown)
    expect(blocks.expected(0, old.length)).toBeNull()
    blocks.cut(list.hashAt(0))
    expect(blocks.expected(0, old.length)?.hash).toBe(list.hashAt(1))
  })
})
