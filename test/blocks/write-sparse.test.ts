import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { writeSparse } from '../../src/blocks/write-sparse.ts'
import type { Disk } from '../../src/ports/disk.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { pseudoRandom } from './pseudo-random.ts'

const kib = 1024
const anyByte = fc.constantFrom(0, 0, 0, 5)
const anyPieces = fc.array(fc.record({ value: anyByte, length: fc.integer({ min: 1, max: 80 * kib }) }), {
  minLength: 1,
  maxLength: 6,
})

describe('writing with holes', () => {
  it('leaves the file with exactly these bytes there, whatever it held', () => {
    fc.assert(
      fc.property(anyPieces, anyPieces, fc.nat(100 * kib), (pieces, before, offset) => {
        const [bytes, old] = [bytesOf(pieces), bytesOf(before)]
        const expected = Buffer.alloc(Math.max(old.length, offset + bytes.length))
        expected.set(old)
        expected.set(bytes, offset)
        const { disk, write } = fileWith(old)
        write(bytes, offset)
        expect(Buffer.from(disk.readFile('/a')).equals(expected)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('writes no pages of zeros where a hole is, but for the end of the bytes', () => {
    const bytes = new Uint8Array(1024 * kib)
    bytes.set(pseudoRandom('front', 10 * kib))
    bytes[700 * kib] = 1
    expect(fileWith(new Uint8Array(0)).write(bytes, 4096)).toEqual([
      [4096, 12 * kib],
      [4096 + 700 * kib, 4 * kib],
      [4096 + 1020 * kib, 4 * kib],
    ])
  })

  it('writes what holds no long run of zeros at once, as it is', () => {
    const bytes = pseudoRandom('x', 200 * kib).slice()
    bytes.fill(0, 50 * kib, 81 * kib)
    expect(fileWith(new Uint8Array(0)).write(bytes, 3)).toEqual([[3, 200 * kib]])
    expect(fileWith(new Uint8Array(0)).write(new Uint8Array(1), 0)).toEqual([[0, 1]])
  })
})

/** Tells what is written to it. */
class WatchedDisk extends MemoryDisk {
  writes: [offset: number, length: number][] = []

  override write(...[handle, bytes, offset]: Parameters<Disk['write']>): void {
    this.writes.push([offset, bytes.length])
    super.write(handle, bytes, offset)
  }
}

/** A file, and how to write to it: returns where and how much was written. */
function fileWith(bytes: Uint8Array) {
  const disk = new WatchedDisk()
  disk.writeFile('/a', bytes)
  const write = (part: Uint8Array, offset: number) => {
    disk.writes = []
    const handle = disk.openWrite('/a')
    writeSparse(disk, handle, part, offset)
    disk.close(handle)
    return disk.writes
  }
  return { disk, write }
}

function bytesOf(pieces: readonly { readonly value: number; readonly length: number }[]): Buffer {
  return Buffer.concat(pieces.map(({ value, length }) => Buffer.alloc(length, value)))
}
