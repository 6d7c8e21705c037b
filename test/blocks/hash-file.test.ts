import { describe, expect, it } from 'vitest'
import { decodeBlockList } from '../../src/blocks/block-list.ts'
import { chunkParameters } from '../../src/blocks/chunk-parameters.ts'
import { gearTable } from '../../src/blocks/gear-table.ts'
import { hashFiles } from '../../src/blocks/hash-file.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import { singleBlockBytesMax } from '../../src/model/limits.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { HashRequest, HashResult } from '../../src/ports/file-tasks.ts'
import { diskError, PlainDisk, runJob } from './plain-disk.ts'
import { pseudoRandom } from './pseudo-random.ts'
import { referenceCuts } from './reference-cuts.ts'

const large = pseudoRandom('large', 500_000)

describe('hashFiles', () => {
  it('gives a small file the hash of its bytes and no block list', () => {
    for (const length of [0, 1, 4096, singleBlockBytesMax]) {
      const bytes = pseudoRandom('small', length)
      const { disk, request } = diskWith('a', bytes)
      expect(hash(disk, request)).toEqual({
        outcome: 'hashed',
        path: 'a',
        disk: request.disk,
        content: hashBlock(bytes),
        blockList: null,
      })
    }
  })

  it('gives a large file the hash of its block list', () => {
    for (const bytes of [large.subarray(0, singleBlockBytesMax + 1), large, new Uint8Array(1_000_000)]) {
      const { disk, request } = diskWith('a', bytes)
      const result = hash(disk, request)
      if (result.outcome !== 'hashed' || result.blockList === null) throw new Error('no block list')
      expect(result.content).toBe(hashBlock(result.blockList))
      const list = decodeBlockList(result.blockList, bytes.length)
      const lengths = Array.from({ length: list.count }, (_, i) => list.lengthAt(i))
      expect(lengths).toEqual(referenceCuts(bytes, gearTable(), chunkParameters(bytes.length)))
      for (let i = 0; i < list.count; i++) {
        expect(list.hashAt(i)).toBe(hashBlock(bytes.subarray(list.offsetAt(i), list.offsetAt(i + 1))))
      }
    }
  })

  it('hashes alike when the disk reads less than it was asked for', () => {
    for (const bytes of [large, large.subarray(0, 1000)]) {
      const { disk, request } = diskWith('a', bytes)
      const whole = hash(disk, request)
      disk.readBytesMax = 777
      expect(hash(disk, request)).toEqual(whole)
    }
  })

  it('answers in the order of the requests, one answer each', () => {
    const { disk, request } = diskWith('a', large)
    disk.put('/root/b', Uint8Array.of(1))
    const requests = ['b', 'gone', 'a', 'b'].map((path) => ({ path: path as RelativePath, disk: request.disk }))
    const results = runJob(hashFiles(disk.port, '/root', requests)).result
    expect(results.map(({ path, outcome }) => [path, outcome])).toEqual([
      ['b', 'changed'],
      ['gone', 'gone'],
      ['a', 'hashed'],
      ['b', 'changed'],
    ])
  })

  it('says changed when the file is not the one that was asked for', () => {
    const { disk, request } = diskWith('a', large)
    const others: Partial<DiskState>[] = [{ sizeBytes: 1 }, { mtimeNs: 9n }, { ctimeNs: 9n }, { inode: 9n }]
    for (const other of others) {
      expect(hash(disk, { ...request, disk: { ...request.disk, ...other } }).outcome).toBe('changed')
    }
  })

  it.each(['symlink', 'folder', 'other'] as const)('says changed when it is a %s now', (kind) => {
    const { disk, request } = diskWith('a', large)
    disk.put('/root/a', new Uint8Array(0), kind)
    expect(hash(disk, request)).toEqual({ outcome: 'changed', path: 'a' })
  })

  it.each([100, 500_000])('says changed when a file of %i bytes is written to while it is read', (length) => {
    for (const now of [large.subarray(0, length - 1), large, pseudoRandom('other', length)]) {
      const { disk, request } = diskWith('a', large.slice(0, length))
      disk.onRead = () => {
        disk.onRead = () => {}
        disk.put('/root/a', now)
      }
      expect(hash(disk, request)).toEqual({ outcome: 'changed', path: 'a' })
    }
  })

  it.each([
    ['EACCES', 'this user may not read it (EACCES)'],
    ['EIO', 'the disk reported a read error (EIO)'],
    ['EXOTIC', 'EXOTIC: /root/a'],
  ])('says why a file that fails with %s was not hashed', (code, reason) => {
    const { disk, request } = diskWith('a', large)
    disk.brokenPaths.set('/root/a', code)
    expect(hash(disk, request)).toEqual({ outcome: 'failed', path: 'a', reason })
  })

  it('closes the file when reading fails', () => {
    const { disk, request } = diskWith('a', large)
    disk.onRead = () => {
      throw diskError('EIO', 'a')
    }
    expect(hash(disk, request).outcome).toBe('failed')
    expect(disk.openHandles).toBe(0)
  })

  it('does not take a bug for trouble with the disk', () => {
    const { disk, request } = diskWith('a', large)
    disk.onRead = () => {
      throw new TypeError('a bug')
    }
    expect(() => hash(disk, request)).toThrow('a bug')
    expect(disk.openHandles).toBe(0)
  })

  it('yields about every 8 MiB or 200 small files', () => {
    const { disk, request } = diskWith('a', new Uint8Array(33 * 2 ** 20))
    expect(runJob(hashFiles(disk.port, '/root', [request])).yields).toBeGreaterThanOrEqual(4)
    const small = diskWith('a', new Uint8Array(10))
    const requests = Array.from({ length: 2000 }, () => small.request)
    const { yields } = runJob(hashFiles(small.disk.port, '/root', requests))
    expect(yields).toBeGreaterThanOrEqual(9)
    expect(yields).toBeLessThanOrEqual(11)
  })

  it('closes its file when it is ended early, and others go on unharmed', () => {
    const { disk, request } = diskWith('a', pseudoRandom('zeros', 9 * 2 ** 20))
    const whole = hash(disk, request)
    const first = hashFiles(disk.port, '/root', [request])
    const second = hashFiles(disk.port, '/root', [request])
    first.next()
    second.next()
    first.return([])
    expect(runJob(second).result).toEqual([whole])
    expect(disk.openHandles).toBe(0)
  })
})

function diskWith(path: string, bytes: Uint8Array): { disk: PlainDisk; request: HashRequest } {
  const disk = new PlainDisk()
  disk.put(`/root/${path}`, bytes)
  return { disk, request: { path: path as RelativePath, disk: disk.lstat(`/root/${path}`) as DiskState } }
}

function hash(disk: PlainDisk, request: HashRequest): HashResult {
  const [result] = runJob(hashFiles(disk.port, '/root', [request])).result
  return result!
}
