import { beforeEach, describe, expect, it } from 'vitest'
import { FolderIndex, type RowChange } from '../../src/file-index/folder-index.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { VersionVector } from '../../src/model/version-vector.ts'
import { makeWriterId } from '../../src/model/writer-id.ts'
import { finishRenewal, renewDatabase } from '../../src/node/restored-database.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import { compareVersions } from '../../src/vector-clock/compare-versions.ts'
import { countingRandom, deviceTag, fileOf } from '../file-index/sample-records.ts'
import { memoryStore } from '../twins/memory-store.ts'

const theirs = makeWriterId(Buffer.alloc(8, 1), Buffer.alloc(8, 2))

describe('the records of an old database that was put back', () => {
  let store: KeyValueStore
  let index: FolderIndex
  beforeEach(async () => {
    store = memoryStore()
    index = await FolderIndex.open(store, { deviceTag, random: countingRandom() })
  })

  async function write(path: string, text: string, knows: VersionVector = []): Promise<void> {
    const { record, disk } = fileOf(path, text)
    const { writer, seq } = index
    const version = [...knows, [writer, seq + 1] as const]
    version.sort(([a], [b]) => (a < b ? -1 : 1))
    await index.commit([{ record: { ...record, version, writer }, disk }])
  }
  const versionOf = async (path: string) => (await index.get(path as RelativePath))!.record.version

  async function renewed(openedAtSeq: number): Promise<string[]> {
    const told: RowChange[] = []
    await renewDatabase(index, openedAtSeq, (changes) => void told.push(...changes))
    return told.map(({ record }) => record.path)
  }

  it('that were made since it was opened get versions of a new life, which know of the old one what the database knew then', async () => {
    await write('x', 'one')
    const { writer: oldWriter, epoch, seq: openedAtSeq } = index
    await write('x', 'two', [[theirs, 5]])
    const before = await versionOf('x')
    expect(await renewed(openedAtSeq)).toEqual(['x'])
    expect([index.writer === oldWriter, index.epoch === epoch]).toEqual([false, false])
    const after = await versionOf('x')
    expect(new Map(after)).toEqual(
      new Map([
        [theirs, 5],
        [oldWriter, openedAtSeq],
        [index.writer, index.seq],
      ]),
    )
    expect(compareVersions(before, after)).toBe('concurrent')
    expect((await index.get('x' as RelativePath))!.record.writer).toBe(index.writer)
  })

  it('that were made before, or by others, stay as they are and are not told again', async () => {
    await write('old', 'old')
    const openedAtSeq = index.seq
    const { record, disk } = fileOf('foreign', 'foreign')
    await index.commit([{ record: { ...record, version: [[theirs, 9]], writer: theirs }, disk }])
    const before = [await versionOf('old'), await versionOf('foreign')]
    expect(await renewed(openedAtSeq)).toEqual([])
    expect([await versionOf('old'), await versionOf('foreign')]).toEqual(before)
    expect((await index.get('foreign' as RelativePath))!.record.writer).toBe(theirs)
  })

  it('get them from the next process when this one is killed before it is done', async () => {
    await write('x', 'one')
    const { writer: oldWriter, seq: openedAtSeq } = index
    for (const path of ['x', 'y']) await write(path, 'two', [[theirs, 5]])
    const before = [await versionOf('x'), await versionOf('y')]
    // Killed: the new life is on the disk, and none of the commits.
    await index.renewIncarnation(openedAtSeq)
    index = await FolderIndex.open(store, { deviceTag, random: countingRandom() })
    await finishRenewal(index)
    for (const [i, path] of ['x', 'y'].entries()) {
      const after = await versionOf(path)
      expect(compareVersions(before[i]!, after)).toBe('concurrent')
      expect(after.find(([writer]) => writer === oldWriter)?.[1]).toBe(openedAtSeq)
    }
    const done = [await versionOf('x'), await versionOf('y')]
    await finishRenewal(index)
    expect([await versionOf('x'), await versionOf('y')]).toEqual(done)
  })
})
