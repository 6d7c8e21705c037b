import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { stageBlocks, stageLocal } from '../../src/blocks/stage-blocks.ts'
import { AssertionError } from '../../src/model/errors.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { LocalBlock, StagedBlock } from '../../src/ports/file-tasks.ts'
import { diskError, PlainDisk, runJob } from './plain-disk.ts'
import { pseudoRandom } from './pseudo-random.ts'

const content = pseudoRandom('content', 10_000)
const wrongHash = hashBlock(Uint8Array.of(1, 2, 3))

describe('stageBlocks', () => {
  it('assembles a file from its blocks in any order', () => {
    const anyLengths = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 11 })
    fc.assert(
      fc.property(anyLengths, fc.array(fc.nat(), { minLength: 11, maxLength: 11 }), (lengths, ranks) => {
        const blocks = consecutive('x', lengths)
        const order = blocks.map((block, i) => ({ block, rank: ranks[i]! }))
        const shuffled = order.sort((a, b) => a.rank - b.rank).map(({ block }) => block)
        const disk = new PlainDisk()
        expect(stage(disk, shuffled)).toEqual(blocks.map(() => true))
        const total = lengths.reduce((sum, length) => sum + length, 0)
        expect(Buffer.from(staged(disk, 'x')!)).toEqual(Buffer.from(content.subarray(0, total)))
      }),
    )
  })

  it('goes on with a file that another thread makes between a look and an act', () => {
    const disk = new PlainDisk()
    const [, second] = consecutive('x', [100, 50])
    disk.openWrite = (path) => {
      disk.openWrite = (again) => disk.openRead(again)
      disk.put(path, content.subarray(0, 100))
      throw diskError('ENOENT', path)
    }
    expect(stage(disk, [second!])).toEqual([true])
    expect(Buffer.from(staged(disk, 'x')!)).toEqual(Buffer.from(content.subarray(0, 150)))
  })

  it('writes nothing of a block whose hash is wrong', () => {
    const disk = new PlainDisk()
    const [first, second] = consecutive('x', [100, 50])
    expect(stage(disk, [{ ...first!, hash: wrongHash }])).toEqual([false])
    expect(staged(disk, 'x')).toBe(null)
    expect(stage(disk, [first!, { ...second!, hash: wrongHash }])).toEqual([true, false])
    expect(staged(disk, 'x')?.length).toBe(100)
  })

  it('writes nothing that lies outside of the bytes', () => {
    const disk = new PlainDisk()
    const [block] = consecutive('x', [100])
    const blocks = [
      { ...block!, at: -1 },
      { ...block!, at: content.length },
      { ...block!, length: content.length + 1 },
    ]
    expect(stage(disk, blocks)).toEqual([false, false, false])
    expect(staged(disk, 'x')).toBe(null)
  })

  it('goes on with a file that is already staged, without cutting it', () => {
    const disk = new PlainDisk()
    const blocks = consecutive('x', [100, 50, 7])
    stage(disk, blocks.slice(2))
    stage(disk, blocks.slice(0, 1))
    stage(disk, blocks.slice(1, 2))
    expect(Buffer.from(staged(disk, 'x')!)).toEqual(Buffer.from(content.subarray(0, 157)))
  })

  it('writes one block of the bytes to several places', () => {
    const disk = new PlainDisk()
    const [block] = consecutive('x', [3])
    expect(stage(disk, [block!, { ...block!, offset: 3 }, { ...block!, offset: 6, hash: wrongHash }])).toEqual([
      true,
      true,
      false,
    ])
    expect(Buffer.from(staged(disk, 'x')!)).toEqual(Buffer.concat([content.subarray(0, 3), content.subarray(0, 3)]))
  })

  it('opens a staged file once for its blocks in a row, and closes it', () => {
    const disk = new PlainDisk()
    stage(disk, [...consecutive('x', [1, 2, 3]), ...consecutive('y', [1, 2])])
    expect(disk.opens).toBe(2)
    expect(disk.openHandles).toBe(0)
  })

  it('passes on that the disk is full, and closes the file', () => {
    const disk = new PlainDisk()
    disk.onWrite = () => {
      throw diskError('ENOSPC', 'x')
    }
    expect(() => stage(disk, consecutive('x', [5]))).toThrow(expect.objectContaining({ code: 'ENOSPC' }))
    expect(disk.openHandles).toBe(0)
  })

  it.each(['', '.', '..', '.hidden', '../x', 'a/b', 'a\\b', 'a\0', 'ä', 'x'.repeat(101)])(
    'takes the staged name %j for a bug',
    (name) => {
      expect(() => stage(new PlainDisk(), consecutive(name, [5]))).toThrow(AssertionError)
    },
  )

  it('yields after each slice of work', () => {
    const blocks = consecutive(
      'x',
      Array.from({ length: 1000 }, () => 1),
    )
    expect(runJob(stageBlocks(new PlainDisk().port, '/root', blocks, content)).yields).toBeGreaterThanOrEqual(4)
  })
})

describe('stageLocal', () => {
  it('copies blocks out of files of the folder', () => {
    const disk = diskWith(content)
    expect(copy(disk, [local(0, 100, 50), local(50, 7, 3000)])).toEqual([true, true])
    expect(Buffer.from(staged(disk, 'x')!)).toEqual(
      Buffer.concat([content.subarray(100, 150), content.subarray(7, 3007)]),
    )
    expect(disk.openHandles).toBe(0)
  })

  it('writes nothing where the bytes are no longer there', () => {
    const changed = content.slice()
    changed[120]! ^= 1
    const disk = diskWith(changed)
    const blocks = [local(0, 100, 50), local(0, 9_990, 11), { ...local(0, 0, 5), source: 'gone' as RelativePath }]
    expect(copy(disk, blocks)).toEqual([false, false, false])
    expect(staged(disk, 'x')).toBe(null)
  })

  it('never reads through a symlink', () => {
    const disk = new PlainDisk()
    disk.put('/root/link', new Uint8Array(0), 'symlink')
    disk.put('/root/link/a', content)
    expect(copy(disk, [{ ...local(0, 0, 5), source: 'link/a' as RelativePath }])).toEqual([false])
  })

  it('tells trouble with reading, which is no error, from trouble with writing', () => {
    const disk = diskWith(content)
    disk.onRead = (path) => {
      throw diskError('EIO', path)
    }
    expect(copy(disk, [local(0, 0, 5)])).toEqual([false])
    disk.onRead = () => {}
    disk.onWrite = () => {
      throw diskError('ENOSPC', 'x')
    }
    expect(() => copy(disk, [local(0, 0, 5)])).toThrow(expect.objectContaining({ code: 'ENOSPC' }))
    expect(disk.openHandles).toBe(0)
  })
})

function consecutive(name: string, lengths: readonly number[]): StagedBlock[] {
  let at = 0
  return lengths.map((length) => {
    const block = { staged: name, offset: at, length, hash: hashBlock(content.subarray(at, at + length)), at }
    at += length
    return block
  })
}

function stage(disk: PlainDisk, blocks: readonly StagedBlock[]): readonly boolean[] {
  return runJob(stageBlocks(disk.port, '/root', blocks, content)).result
}

function copy(disk: PlainDisk, blocks: readonly LocalBlock[]): readonly boolean[] {
  return runJob(stageLocal(disk.port, '/root', blocks)).result
}

function local(offset: number, sourceOffset: number, length: number): LocalBlock {
  const hash = hashBlock(content.subarray(sourceOffset, sourceOffset + length))
  return { staged: 'x', offset, length, hash, source: 'a' as RelativePath, sourceOffset }
}

function diskWith(bytes: Uint8Array): PlainDisk {
  const disk = new PlainDisk()
  disk.put('/root/a', bytes)
  return disk
}

function staged(disk: PlainDisk, name: string): Uint8Array | null {
  return disk.bytesOf(`/root/.p2psync/staging/${name}`)
}
