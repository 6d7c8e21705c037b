import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FolderIndex, type RowChange } from '../../src/file-index/folder-index.ts'
import type { MovedRows } from '../../src/file-index/moved-rows.ts'
import { pathBytesMax } from '../../src/model/limits.ts'
import { unpackStates } from '../../src/model/packed-states.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { countingRandom, deviceTag, fileOf, folderOf, recordOf, tombstoneOf } from './sample-records.ts'

const folder = [folderOf('a'), folderOf('a/x'), fileOf('a/x/1', 'one'), fileOf('a/2', 'two')]

describe('the rows that a move takes along', () => {
  it('are the live ones at and below the folder in path order, with the tombstones of their new paths', async () => {
    const others = [fileOf('a b', 'x'), fileOf('a!', 'x'), fileOf('ab', 'x'), folderOf('b!'), tombstoneOf('a/gone')]
    const moved = await read([...folder, ...others, tombstoneOf('b'), tombstoneOf('b/2'), tombstoneOf('b/other')])
    expect(moved?.rows.map(({ row, target }) => [row.record.path, target?.path ?? null])).toEqual([
      ['a', 'b'],
      ['a/2', 'b/2'],
      ['a/x', null],
      ['a/x/1', null],
    ])
    expect(moved?.rows[1]?.row.disk).toEqual(folder[3]!.disk)
  })

  it.each<[string, readonly RowChange[]]>([
    ['nothing is there', []],
    ['a tombstone is there', [tombstoneOf('a'), fileOf('a/x', 'x')]],
    ['a file is there', [fileOf('a', 'x')]],
    ['something lives at the new place', [...folder, fileOf('b', 'x')]],
    ['something lives below the new place', [...folder, fileOf('b/other/deep', 'x')]],
  ])('are none when %s', async (_, changes) => {
    expect(await read(changes)).toBeNull()
  })

  it('are none when a path would get too long', async () => {
    const name = 'x'.repeat(200)
    const long = `a/${Array.from({ length: 20 }, () => name).join('/')}`
    const to = 'ä'.repeat((pathBytesMax - (long.length - 1)) / 2)
    expect(await read([folderOf('a'), fileOf(long, 'x')], to)).not.toBeNull()
    expect(await read([folderOf('a'), fileOf(long, 'x')], `${to}ä`)).toBeNull()
  })

  it('are digested alike where the same is, whatever the way there and the disk', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(folder, { minLength: 4 }),
        fc.bigInt({ min: 1n, max: 9n }),
        async (changes, inode) => {
          const others = changes.map(({ record, disk }) => ({ record, disk: { ...disk!, inode } }))
          const [one, other] = [await read(folder), await read([tombstoneOf('a/2'), fileOf('z', 'z'), ...others])]
          expect(one!.before).toEqual(other!.before)
          expect(one!.before).toHaveLength(32)
        },
      ),
      { numRuns: 30, seed: 20_261_121 },
    )
  })

  it.each<[string, readonly RowChange[]]>([
    ['a content', [...folder.slice(0, 3), fileOf('a/2', 'other')]],
    [
      'a version',
      [...folder, { ...folder[3]!, record: { ...folder[3]!.record, version: [[folder[0]!.record.writer, 2]] } }],
    ],
    ['one more file', [...folder, fileOf('a/3', 'three')]],
    ['one file less', folder.slice(0, 3)],
    ['a tombstone at the new place', [...folder, tombstoneOf('b/2')]],
    ['another tombstone at the new place', [...folder, { record: recordOf('b/2', { mtimeNs: 5n }), disk: null }]],
  ])('are digested otherwise where %s differs', async (_, changes) => {
    const digests = [await read(folder), await read([...folder, tombstoneOf('b')]), await read(changes)]
    const texts = digests.map((moved) => Buffer.from(moved!.before).toString('hex'))
    expect(new Set(texts).size).toBe(3)
  })

  it('are digested whole, however many they are', async () => {
    const files = Array.from({ length: 1500 }, (_, i) => fileOf(`a/${i}`, `${i}`))
    const moved = await read([folderOf('a'), ...files])
    const other = await read([folderOf('a'), ...files.slice(0, -1), fileOf('a/1499', 'other')])
    expect(moved?.rows).toHaveLength(1501)
    expect(moved!.before).not.toEqual(other!.before)
  })
})

describe('the rows that a removal takes along', () => {
  it('are the live ones at and below the folder, whatever is elsewhere', async () => {
    const others = [fileOf('b', 'x'), tombstoneOf('a/gone'), fileOf('a b', 'x')]
    const removed = await read([...folder, ...others], null)
    expect(removed?.size).toBe(4)
    expect(await removed!.mapEach(({ record }) => record.path)).toEqual(['a', 'a/2', 'a/x', 'a/x/1'])
    const alone = await read([...folder], 'c')
    expect(removed!.before).toEqual(alone!.before)
  })

  it('tell what the disk held below the folder, if all of it was there', async () => {
    const removed = await read(folder, null)
    const { paths, states } = (await removed!.onDisk())!
    expect(paths.split('\0')).toEqual(['2', 'x', 'x/1'])
    expect(unpackStates(states, 3)).toEqual([folder[3]!.disk, folder[1]!.disk, folder[2]!.disk])
    const missing = await read([...folder, { ...fileOf('a/3', 'x'), disk: null }], null)
    expect([removed!.areOnDisk, missing!.areOnDisk, await missing!.onDisk()]).toEqual([true, false, null])
  })
})

async function read(changes: readonly RowChange[], to: string | null = 'b'): Promise<MovedRows | null> {
  const index = await FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
  await index.commit(changes)
  return index.movedRows({ from: 'a' as RelativePath, to: to as RelativePath | null })
}
