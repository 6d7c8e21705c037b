import { describe, expect, it } from 'vitest'
import { BlockList, encodeBlockList } from '../../src/blocks/block-list.ts'
import { chunkParameters } from '../../src/blocks/chunk-parameters.ts'
import { findBlocks } from '../../src/blocks/find-blocks.ts'
import { gearTable } from '../../src/blocks/gear-table.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { planFetch } from '../../src/blocks/plan-fetch.ts'
import type { BlockHash } from '../../src/model/block-hash.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { FoundBlock } from '../../src/ports/file-tasks.ts'
import { diskError, PlainDisk, runJob } from './plain-disk.ts'
import { pseudoRandom } from './pseudo-random.ts'
import { referenceCuts } from './reference-cuts.ts'

const twoGiB = 2 ** 31
const old = pseudoRandom('old', 1_500_000)
const blocks = blocksOf(old, twoGiB)

describe('findBlocks', () => {
  it('finds the blocks of a file as its sender cuts it, though this device cuts its own file otherwise', () => {
    const hashes = blocks.map(({ hash }) => hash)
    expect(find(diskWith(old), twoGiB, hashes)).toEqual(blocks)
    expect(find(diskWith(old), old.length, hashes)).not.toEqual(blocks)
  })

  it('finds them behind an insertion', () => {
    const grown = Buffer.concat([Buffer.from('!'), old])
    const hashes = blocks.map(({ hash }) => hash)
    const found = find(diskWith(grown), twoGiB, hashes)
    expect(found.length).toBeGreaterThanOrEqual(blocks.length - 1)
    for (const { hash, offset, length } of found) expect(hashBlock(grown.subarray(offset, offset + length))).toBe(hash)
  })

  it('returns only what is wanted, and once', () => {
    const zeros = new Uint8Array(3_000_000)
    const [zero] = blocksOf(zeros, twoGiB)
    expect(find(diskWith(zeros), twoGiB, [zero!.hash, blocks[0]!.hash])).toEqual([zero])
    expect(find(diskWith(zeros), twoGiB, [])).toEqual([])
  })

  it('stops reading when it has everything', () => {
    const disk = diskWith(pseudoRandom('long', 9 * 2 ** 20))
    let lastPosition = 0
    disk.onRead = (_path, position) => void (lastPosition = position)
    const [first] = blocksOf(disk.bytesOf('/root/a')!.subarray(0, 2 ** 20), 2 ** 20)
    expect(find(disk, 2 ** 20, [first!.hash])).toEqual([first])
    expect(lastPosition).toBe(0)
  })

  it('finds a file that is a single block at the front of another', () => {
    const hash = hashBlock(old.subarray(0, 1000))
    expect(find(diskWith(old), 1000, [hash])).toEqual([{ hash, offset: 0, length: 1000 }])
    expect(find(diskWith(old.subarray(0, 999)), 1000, [hash])).toEqual([])
  })

  it('finds nothing where there is no file to read', () => {
    const hashes = [blocks[0]!.hash]
    const disk = diskWith(old)
    disk.put('/root/a', old, 'symlink')
    expect(find(disk, twoGiB, hashes)).toEqual([])
    expect(find(new PlainDisk(), twoGiB, hashes)).toEqual([])
  })

  it('returns what it has when reading fails, and closes the file', () => {
    const disk = diskWith(pseudoRandom('long', 9 * 2 ** 20))
    const all = blocksOf(disk.bytesOf('/root/a')!, 2 ** 20)
    disk.onRead = (path, position) => {
      if (position > 0) throw diskError('EIO', path)
    }
    const found = find(
      disk,
      2 ** 20,
      all.map(({ hash }) => hash),
    )
    expect(found.length).toBeGreaterThan(0)
    expect(found).toEqual(all.slice(0, found.length))
    expect(disk.openHandles).toBe(0)
  })
})

describe('a file that grows over a size at which blocks double', () => {
  it.each([2 ** 30, 2 ** 31, 2 ** 32])('by one byte at %i is not fetched anew', (limit) => {
    const before = pseudoRandom('grows', 12 * 2 ** 20)
    const after = Buffer.concat([before, Buffer.from('!')])
    expect(chunkParameters(limit + 1).averageBytes).toBe(2 * chunkParameters(limit).averageBytes)
    const wanted = new BlockList(encodeBlockList(blocksOf(after, limit + 1)))
    const hashes = Array.from({ length: wanted.count }, (_, i) => wanted.hashAt(i))
    const found = find(diskWith(before), limit + 1, hashes)
    const local = new Map(
      found.map(({ hash, offset }) => [hash, { source: 'a' as RelativePath, sourceOffset: offset }]),
    )
    const remoteBytes = planFetch(wanted, local, 'x').remote.reduce((sum, block) => sum + block.length, 0)
    expect(remoteBytes).toBe(wanted.lengthAt(wanted.count - 1))
  })
})

function diskWith(bytes: Uint8Array): PlainDisk {
  const disk = new PlainDisk()
  disk.put('/root/a', bytes)
  return disk
}

function find(disk: PlainDisk, sizeBytes: number, hashes: readonly BlockHash[]): readonly FoundBlock[] {
  return runJob(findBlocks(disk.port, '/root', 'a' as RelativePath, sizeBytes, hashes)).result
}

function blocksOf(bytes: Uint8Array, sizeBytes: number): FoundBlock[] {
  let offset = 0
  return referenceCuts(bytes, gearTable(), chunkParameters(sizeBytes)).map((length) => {
    offset += length
    return { hash: hashBlock(bytes.subarray(offset - length, offset)), offset: offset - length, length }
  })
}
