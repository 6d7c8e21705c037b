import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { unpackBytes } from '../../src/blocks/pack-bytes.ts'
import { readBlocks } from '../../src/blocks/read-blocks.ts'
import { blockBytesMax } from '../../src/model/limits.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { BlockRead } from '../../src/ports/file-tasks.ts'
import { diskError, PlainDisk, runJob } from './plain-disk.ts'
import { pseudoRandom } from './pseudo-random.ts'

const content = pseudoRandom('content', 10_000)

describe('readBlocks', () => {
  it('packs the good blocks in order and says which are missing', () => {
    const anyPiece = fc.record({ offset: fc.nat(9000), length: fc.nat(1000), isGood: fc.boolean() })
    fc.assert(
      fc.property(fc.array(anyPiece), (pieces) => {
        const requests = pieces.map(({ offset, length, isGood }) => {
          const request = wanted('a', offset, length)
          return isGood ? request : { ...request, hash: hashBlock(Uint8Array.of(1, 2, 3)) }
        })
        const { bytes, found } = read(diskWith('a'), requests)
        const good = pieces.filter(({ isGood }) => isGood)
        expect(found).toEqual(pieces.map(({ isGood }) => isGood))
        expect(Buffer.from(bytes)).toEqual(
          Buffer.concat(good.map(({ offset, length }) => content.subarray(offset, offset + length))),
        )
      }),
    )
  })

  it('returns bytes in a buffer of their own that can be transferred', () => {
    const { bytes } = read(diskWith('a'), [wanted('a', 5, 100), wanted('gone', 0, 50)])
    expect(bytes.buffer.byteLength).toBe(100)
    const moved = structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] })
    expect(Buffer.from(moved)).toEqual(Buffer.from(content.subarray(5, 105)))
  })

  it('does not find what ends behind the end of the file, is in no file, or is in no folder', () => {
    const disk = diskWith('a')
    disk.put('/root/link', new Uint8Array(0), 'symlink')
    const requests = [wanted('a', 9990, 11), wanted('gone', 0, 5), wanted('gone/b', 0, 5), wanted('link', 0, 5)]
    expect(read(disk, requests).found).toEqual([false, false, false, false])
  })

  it.each(['symlink', 'file', 'other'] as const)('never goes through a parent that is a %s', (kind) => {
    const disk = diskWith('x/y/z/a')
    expect(read(disk, [wanted('x/y/z/a', 0, 5)]).found).toEqual([true])
    for (const parent of ['/root/x', '/root/x/y', '/root/x/y/z']) {
      disk.put(parent, new Uint8Array(0), kind)
      expect(read(disk, [wanted('x/y/z/a', 0, 5)]).found).toEqual([false])
      disk.put(parent, new Uint8Array(0), 'folder')
    }
  })

  it('opens a file once for all its blocks in a row', () => {
    const disk = diskWith('a')
    read(disk, [wanted('a', 0, 5), wanted('a', 5, 5), wanted('a', 50, 5)])
    expect(disk.opens).toBe(1)
    expect(disk.openHandles).toBe(0)
  })

  it('goes on behind a file that cannot be opened or read', () => {
    const disk = diskWith('a')
    disk.put('/root/b', content)
    disk.put('/root/c', content)
    disk.brokenPaths.set('/root/a', 'EACCES')
    disk.onRead = (path) => {
      if (path === '/root/b') throw diskError('EIO', path)
    }
    const requests = [wanted('a', 0, 5), wanted('a', 5, 5), wanted('b', 0, 5), wanted('c', 0, 5)]
    expect(read(disk, requests).found).toEqual([false, false, false, true])
    expect(disk.openHandles).toBe(0)
  })

  it('does not read what no block can be', () => {
    const bounds = [
      [-1, 5],
      [0, -1],
      [0, blockBytesMax + 1],
      [0.5, 5],
      [Number.MAX_SAFE_INTEGER, 5],
      [Number.NaN, 5],
      [0, Number.NaN],
      [0.5, 0.5],
    ] as const
    const requests = bounds.map(([offset, length]) => ({ ...wanted('a', 0, 5), offset, length }))
    const { bytes, found } = read(diskWith('a'), requests)
    expect([bytes.length, ...found]).toEqual([0, ...bounds.map(() => false)])
  })

  it('packs what shrinks into one frame, in the buffer that was given', () => {
    const text = Buffer.from('a line, and one more\n'.repeat(60_000))
    const disk = diskWith('a')
    disk.put('/root/log', text)
    const requests = [wanted('a', 0, 5000), wanted('gone', 0, 5), wantedOf(text, 'log', 0, 900_000)]
    const packing = { order: { level: 1 } as const, now: () => 7 }
    const into = new Uint8Array(1024 * 1280)
    const reads = runJob(readBlocks(disk.port, '/root', requests, { into, packing })).result
    expect(reads).toMatchObject({ found: [true, false, true], encoding: 'zstd', rawBytes: 905_000 })
    expect(reads.trial).toEqual({
      extent: 'all',
      level: 1,
      rawBytes: 905_000,
      packedBytes: reads.bytes.length,
      elapsedMs: 0,
    })
    const blocks = Buffer.concat([content.subarray(0, 5000), text.subarray(0, 900_000)])
    expect(Buffer.compare(unpackBytes(reads.bytes, 905_000)!, blocks)).toBe(0)
  })

  it('leaves as it is what does not shrink, and what nobody wants packed', () => {
    const disk = diskWith('a')
    const packing = { order: { level: 1 } as const, now: () => 7 }
    const reads = runJob(readBlocks(disk.port, '/root', [wanted('a', 5, 9000)], { packing })).result
    expect(reads).toMatchObject({ found: [true], encoding: 'none', rawBytes: 9000, trial: { extent: 'all' } })
    expect(Buffer.from(reads.bytes)).toEqual(Buffer.from(content.subarray(5, 9005)))
    expect(read(disk, [wanted('a', 5, 9000)])).toMatchObject({ encoding: 'none', rawBytes: 9000, trial: null })
  })

  it('yields after each slice of work', () => {
    const disk = diskWith('a')
    const requests = Array.from({ length: 1000 }, () => wanted('a', 0, 5))
    expect(runJob(readBlocks(disk.port, '/root', requests)).yields).toBeGreaterThanOrEqual(4)
  })
})

function diskWith(path: string): PlainDisk {
  const disk = new PlainDisk()
  disk.put(`/root/${path}`, content)
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    disk.put(`/root/${path.slice(0, at)}`, new Uint8Array(0), 'folder')
  }
  return disk
}

function wanted(path: string, offset: number, length: number): BlockRead {
  return wantedOf(content, path, offset, length)
}

function wantedOf(bytes: Uint8Array, path: string, offset: number, length: number): BlockRead {
  return { path: path as RelativePath, offset, length, hash: hashBlock(bytes.subarray(offset, offset + length)) }
}

function read(disk: PlainDisk, requests: readonly BlockRead[]) {
  return runJob(readBlocks(disk.port, '/root', requests)).result
}
