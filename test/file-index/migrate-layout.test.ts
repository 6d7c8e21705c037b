import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import { keyRange, layoutVersion, metaKeys } from '../../src/file-index/index-keys.ts'
import { rebuildTree } from '../../src/file-index/leaf-rows.ts'
import { migrateLayout } from '../../src/file-index/migrate-layout.ts'
import { readRange } from '../../src/file-index/read-range.ts'
import { rootHash } from '../../src/merkle/merkle-tree.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { countingRandom, deviceTag, fileOf, tombstoneOf } from './sample-records.ts'

interface Fixture {
  readonly root: string
  readonly seq: number
  readonly entries: number
  readonly files: number
  readonly tombstones: number
  readonly bytes: number
  readonly rows: readonly (readonly [key: string, value: string])[]
}

const layout1 = JSON.parse(readFileSync(new URL('./fixtures/layout-1.json', import.meta.url), 'utf8')) as Fixture

async function storeOf(fixture: Fixture): Promise<KeyValueStore> {
  const store = memoryStore()
  const puts = fixture.rows.map(([key, value]) => {
    return { type: 'put', key: Buffer.from(key, 'base64'), value: Buffer.from(value, 'base64') } as const
  })
  await store.batch(puts)
  return store
}

function open(store: KeyValueStore): Promise<FolderIndex> {
  return FolderIndex.open(store, { deviceTag, random: countingRandom() })
}

/** A store whose process dies when it is to write its `nth` batch. */
function dying(store: KeyValueStore, nth: number): KeyValueStore {
  let batches = 0
  return {
    get: (key) => store.get(key),
    getMany: (keys) => store.getMany(keys),
    pages: (range) => store.pages(range),
    batch: (operations, options) => {
      return batches++ === nth ? Promise.reject(new Error('killed')) : store.batch(operations, options)
    },
    close: () => Promise.resolve(),
  }
}

const rowsOfLayout1 = keyRange(0x72, new Uint8Array(0), null)

async function expectMigrated(store: KeyValueStore, index: FolderIndex): Promise<void> {
  const { hash, ...counts } = index.summary
  expect(Buffer.from(hash).toString('hex')).toBe(layout1.root)
  expect(rootHash(await rebuildTree(store))).toEqual(hash)
  const { entries, files, tombstones, bytes } = layout1
  expect(counts).toMatchObject({ entries, files, tombstones, bytes })
  expect(await readRange(store, rowsOfLayout1)).toEqual([])
  expect([...(await store.get(metaKeys.layout))!]).toEqual([layoutVersion])
}

describe('a database of layout 1', () => {
  it('opens with all that it held', async () => {
    const store = await storeOf(layout1)
    const index = await open(store)
    await expectMigrated(store, index)
    expect((await index.get('d/f4' as RelativePath))?.record).toEqual(fileOf('d/f4', 'changed').record)
    expect((await index.get('d/f6' as RelativePath))?.record).toEqual(tombstoneOf('d/f6').record)
    expect((await index.since(0, 1000)).records).toHaveLength(layout1.entries)
    expect(index.seq).toBeGreaterThanOrEqual(layout1.seq)
    expect((await index.findBlocks([hashBlock(Buffer.from('2'))]))[0]).toMatchObject({ path: 'large', offset: 100_000 })
    expect((await index.intents()).map((intent) => intent.record.path)).toEqual(['new'])
    expect(await index.peerState('device' as DeviceId)).toEqual({ epoch: '0123456789abcdef', seq: 7 })
    await index.commit([fileOf('d/f4', 'changed again'), fileOf('e', 'x')])
    expect(rootHash(await rebuildTree(store))).toEqual(index.summary.hash)
  })

  it('is migrated to the end whatever moment the process died at', async () => {
    for (let nth = 0; ; nth++) {
      const store = await storeOf(layout1)
      const died = await migrateLayout(dying(store, nth), Uint8Array.of(1), { operationsAtOnce: 1 }).then(
        () => false,
        () => true,
      )
      await expectMigrated(store, await open(store))
      if (died) continue
      expect(nth).toBeGreaterThan(4)
      return
    }
  })

  it('is damaged when a row is missing', async () => {
    const store = await storeOf(layout1)
    const [key] = (await readRange(store, rowsOfLayout1))[40]!
    await store.batch([{ type: 'del', key }])
    await expect(open(store)).rejects.toMatchObject({ code: 'index-damaged' })
  })
})

describe('a database of a later layout', () => {
  it('is left alone, with the advice to update', async () => {
    const store = await storeOf(layout1)
    await store.batch([{ type: 'put', key: metaKeys.layout, value: Uint8Array.of(layoutVersion + 1) }])
    const everything = { from: new Uint8Array(0), to: Uint8Array.of(255) }
    const before = await readRange(store, everything)
    const refused = open(store)
    await expect(refused).rejects.toMatchObject({ code: 'index-failed' })
    await expect(refused).rejects.toHaveProperty('hint', 'It was made by a later version: update p2psync.')
    expect(await readRange(store, everything)).toEqual(before)
  })
})
