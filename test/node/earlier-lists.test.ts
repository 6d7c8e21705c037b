import { describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { withEarlierLists } from '../../src/node/earlier-lists.ts'
import { encodedListOf } from '../blocks/list-of.ts'
import { pseudoRandom } from '../blocks/pseudo-random.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { fileRecord } from './sample-record.ts'

const mib = 1024 * 1024
const bytes = pseudoRandom('content', 2 * mib)
const blockList = encodedListOf(bytes)

async function indexWith(path: string): Promise<FolderIndex> {
  const index = await FolderIndex.open(memoryStore(), { deviceTag: new Uint8Array(8), random: new SeededRandom(1) })
  const record = fileRecord(path, path, { sizeBytes: bytes.length, content: hashBlock(blockList) })
  await index.commit([{ record, disk: null, blockList }])
  return index
}

function request(path: string, sizeBytes: number): { path: RelativePath; disk: DiskState } {
  return { path: path as RelativePath, disk: { kind: 'file', sizeBytes } as DiskState }
}

describe('withEarlierLists', () => {
  it('gives a large file that the index knows the list of what it was', async () => {
    const files = [request('known', 3 * mib), request('new', 3 * mib)]
    const [known, other] = await withEarlierLists(files, await indexWith('known'))
    expect(known).toEqual({ ...files[0], earlier: new Uint8Array(blockList) })
    expect(other).toBe(files[1])
  })

  it('gives none to a small one, and none to one that is cut otherwise now', async () => {
    const index = await indexWith('known')
    for (const sizeBytes of [mib - 1, 2048 * mib]) {
      const files = [request('known', sizeBytes)]
      expect(await withEarlierLists(files, index)).toEqual(files)
    }
  })

  it('gives none that the database has spoilt', async () => {
    const index = await indexWith('known')
    const spoilt = {
      getMany: (paths: readonly RelativePath[]) => index.getMany(paths),
      blockList: () => Promise.resolve(new Uint8Array(99)),
    }
    const files = [request('known', 3 * mib)]
    expect(await withEarlierLists(files, spoilt)).toEqual(files)
  })
})
