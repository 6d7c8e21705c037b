import { describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { LocalDrafts } from '../../src/node/local-drafts.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { fileRecord } from './sample-record.ts'

const bytes = 5000

function file(path: string): { path: RelativePath; disk: DiskState } {
  return { path: path as RelativePath, disk: { sizeBytes: bytes } as DiskState }
}

async function draftsBeside(...known: { path: string; sizeBytes: number }[]): Promise<LocalDrafts> {
  const random = new SeededRandom(1)
  const index = await FolderIndex.open(memoryStore(), { deviceTag: new Uint8Array(8), random })
  const records = known.map(({ path, sizeBytes }) => ({ record: fileRecord(path, path, { sizeBytes }), disk: null }))
  if (records.length > 0) await index.commit(records)
  return new LocalDrafts({ index, random, onChange: () => undefined, draftBytesMin: 1000 })
}

describe('what peers are told of files that are being hashed', () => {
  it('are those that are new, not edits that are hashed along with them', async () => {
    const drafts = await draftsBeside({ path: 'edited', sizeBytes: bytes })
    const telling = await drafts.telling([file('edited'), file('new')])
    for (const path of ['edited', 'new']) telling!.onBlocks(path as RelativePath, new Uint8Array(36))
    expect(Array.from(drafts.current, ({ path, sizeBytes }) => [path, sizeBytes])).toEqual([['new', bytes]])
  })

  it('are none when all of them are edits', async () => {
    const drafts = await draftsBeside({ path: 'edited', sizeBytes: bytes })
    expect(await drafts.telling([file('edited')])).toBeUndefined()
  })

  it('are those, too, that have become more than twice as large', async () => {
    const drafts = await draftsBeside({ path: 'grown', sizeBytes: bytes / 2 - 1 })
    const telling = await drafts.telling([file('grown')])
    telling!.onBlocks('grown' as RelativePath, new Uint8Array(36))
    expect(Array.from(drafts.current).length).toBe(1)
  })
})
