import { describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import { abstractLevelStore, type ByteLevel } from '../../src/file-index/level-store.ts'
import type { KeyValueStore, StoreOperation } from '../../src/ports/key-value-store.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { OrderedStore } from '../twins/ordered-store.ts'
import { countingRandom, deviceTag, fileOf } from './sample-records.ts'

/** A store that notes for each batch whether it was to reach the disk. */
function notingStore(): { store: KeyValueStore; batches: boolean[] } {
  const inner = memoryStore()
  const batches: boolean[] = []
  const store: KeyValueStore = {
    get: (key) => inner.get(key),
    getMany: (keys) => inner.getMany(keys),
    pages: (range) => inner.pages(range),
    close: () => inner.close(),
    batch: (operations, options) => {
      batches.push(options?.durable === true)
      return inner.batch(operations, options)
    },
  }
  return { store, batches }
}

async function openNoting(options: { seqReserve?: number } = {}): Promise<{ index: FolderIndex; batches: boolean[] }> {
  const { store, batches } = notingStore()
  const index = await FolderIndex.open(store, { deviceTag, random: countingRandom(), ...options })
  expect(batches.splice(0)).toEqual([true])
  return { index, batches }
}

describe('what an index lets nobody lose to a power cut', () => {
  it('is a commit that says so, and no other', async () => {
    const { index, batches } = await openNoting()
    await index.commit([fileOf('a', 'x')])
    await index.commit([fileOf('b', 'x')], { durable: true })
    await index.commit([fileOf('c', 'x')], { durable: false })
    expect(batches).toEqual([false, true, false])
  })

  it('is an intent, before anything is renamed', async () => {
    const { index, batches } = await openNoting()
    await index.putIntents([{ id: '1', record: fileOf('a', 'x').record, blockList: null, staged: 's' }])
    expect(batches).toEqual([true])
  })

  it('is the incarnation of a database that was put back', async () => {
    const { index, batches } = await openNoting()
    await index.renewIncarnation(index.seq)
    expect(batches).toEqual([true])
  })
})

describe('the numbers that an index sets aside', () => {
  const files = (count: number) => Array.from({ length: count }, (_, i) => fileOf(`f${i}`, 'x'))

  it('are raised on the disk before the first beyond them is given out, and then only', async () => {
    const { index, batches } = await openNoting({ seqReserve: 3 })
    for (let i = 0; i < 9; i++) await index.commit(files(1))
    expect(batches).toEqual([false, false, false, true, false, false, false, true, false])
    expect(index.seq).toBe(9)
  })

  it.each([
    [1, 1],
    [3, 1],
    [4, 1],
    [7, 1],
    [8, 1],
    [1, 10],
    [3, 4],
  ])('are not given out again after a power cut behind %i commits of %i', async (commits, count) => {
    const store = new OrderedStore()
    const options = { deviceTag, random: countingRandom(), seqReserve: 3 }
    const index = await FolderIndex.open(store, options)
    for (let i = 0; i < commits; i++) await index.commit(files(count))
    store.cutPower(1)
    const again = await FolderIndex.open(store, options)
    expect(again.seq).toBeGreaterThanOrEqual(index.seq)
  })
})

describe('a store over LevelDB', () => {
  it.each([1, 5000])('waits for the disk exactly when that was asked for, with a batch of %i', async (count) => {
    const syncs: boolean[] = []
    const note = ({ sync }: { sync: boolean }): Promise<void> => {
      syncs.push(sync)
      return Promise.resolve()
    }
    const chain = { put: () => chain, del: () => chain, write: note, close: () => Promise.resolve() }
    const level = {
      batch: (_?: StoreOperation[], options?: { sync: boolean }) => (options === undefined ? chain : note(options)),
    } as unknown as ByteLevel
    const store = abstractLevelStore(level)
    const key = Uint8Array.of(1)
    const operations = Array.from({ length: count }, () => ({ type: 'put', key, value: key }) as const)
    await store.batch(operations, { durable: true })
    await store.batch(operations, { durable: false })
    await store.batch(operations)
    expect(syncs).toEqual([true, false, false])
  })
})
