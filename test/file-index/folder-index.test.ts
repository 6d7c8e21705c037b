import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RowChange } from '../../src/file-index/folder-index.ts'
import { keyRange, prefix } from '../../src/file-index/index-keys.ts'
import { decodePage, encodePage } from '../../src/file-index/leaf-page.ts'
import { rebuildTree } from '../../src/file-index/leaf-rows.ts'
import { readRange } from '../../src/file-index/read-range.ts'
import { rootHash } from '../../src/merkle/merkle-tree.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import { comparePaths, type RelativePath } from '../../src/model/relative-path.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { open, pathsOf, someCommits } from './sample-index.ts'
import { fileOf, folderOf, recordOf, tombstoneOf } from './sample-records.ts'

/** A store that stays open, so that an index on it can be opened again. */
function lastingStore(): KeyValueStore {
  const store = memoryStore()
  return {
    get: (key) => store.get(key),
    getMany: (keys) => store.getMany(keys),
    batch: (operations, options) => store.batch(operations, options),
    pages: (range) => store.pages(range),
    close: () => Promise.resolve(),
  }
}

describe('the index of a folder', () => {
  it('begins empty, with a root of zeros', async () => {
    const index = await open()
    expect(index.seq).toBe(0)
    expect(index.summary).toEqual({
      hash: new Uint8Array(32),
      entries: 0,
      files: 0,
      folders: 0,
      links: 0,
      tombstones: 0,
      bytes: 0,
    })
  })

  it('has after any commits the last record of each path, their counts, and the tree of its rows', async () => {
    await fc.assert(
      fc.asyncProperty(someCommits, async (commits) => {
        const store = memoryStore()
        const index = await open(store)
        const expected = new Map<RelativePath, RowChange>()
        for (const changes of commits) {
          await index.commit(changes)
          for (const change of changes) expected.set(change.record.path, change)
        }
        const records = [...expected.values()].map((change) => change.record)
        const rows = await index.getMany([...expected.keys()])
        expect(rows.map((row) => row?.record)).toEqual(records)
        expect(await pathsOf(index.rows())).toEqual([...expected.keys()].sort(comparePaths))
        const files = records.filter((record) => record.kind === 'file')
        expect(index.summary).toMatchObject({
          hash: rootHash(await rebuildTree(store)),
          entries: records.length,
          files: files.length,
          tombstones: records.length - files.length,
          bytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
        })
      }),
      { numRuns: 40 },
    )
  })

  it('is the same after it was closed and opened again', async () => {
    const store = lastingStore()
    const index = await open(store)
    await index.commit([folderOf('a'), fileOf('a/b', 'text'), tombstoneOf('c')])
    await index.close()
    const again = await open(store)
    expect(again.summary).toEqual(index.summary)
    expect([again.seq, again.epoch, again.writer]).toEqual([3, index.epoch, index.writer])
  })

  it('continues above every seq it may have given out when it was not closed', async () => {
    const store = lastingStore()
    const index = await open(store)
    await index.commit([fileOf('a', 'text')])
    const again = await open(store)
    expect(again.seq).toBeGreaterThan(index.seq)
    expect(again.summary).toEqual(index.summary)
    await again.commit([fileOf('b', 'text')])
    expect((await again.since(1, 10)).records.map((record) => record.path)).toEqual(['b'])
    await again.close()
    expect((await open(store)).seq).toBe(again.seq)
  })

  it('keeps the last of several changes to a path in one commit', async () => {
    const index = await open()
    await index.commit([fileOf('a', 'one'), fileOf('b', 'b'), fileOf('a', 'two')])
    expect((await index.get('a' as RelativePath))?.record).toEqual(fileOf('a', 'two').record)
    expect(index.seq).toBe(2)
    expect((await index.since(0, 10)).records.map((record) => record.path)).toEqual(['b', 'a'])
  })

  it('makes commits that are begun together one after the other', async () => {
    const index = await open()
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => index.commit([fileOf(`f${i}`, 'x'), fileOf('same', `${i}`)])),
    )
    expect(index.seq).toBe(100)
    expect(index.summary.entries).toBe(51)
    expect((await index.get('same' as RelativePath))?.record).toEqual(fileOf('same', '49').record)
  })

  it('is left as it was by a commit that cannot be written', async () => {
    const store = lastingStore()
    let full = false
    const index = await open({
      ...store,
      batch: (operations, options) => (full ? Promise.reject(new Error('ENOSPC')) : store.batch(operations, options)),
    })
    await index.commit([fileOf('a', 'x')])
    const before = index.summary
    full = true
    await expect(index.commit([fileOf('b', 'x')])).rejects.toThrow('ENOSPC')
    expect([index.seq, index.summary]).toEqual([1, before])
    full = false
    await index.commit([fileOf('b', 'x')])
    expect(index.summary.hash).toEqual(rootHash(await rebuildTree(store)))
  })

  it('refuses a layout of a later version, and takes rows without a layout for damage', async () => {
    const store = lastingStore()
    await (await open(store)).close()
    await store.batch([{ type: 'put', key: Buffer.from('mlayout'), value: Uint8Array.of(99) }])
    await expect(open(store)).rejects.toMatchObject({ code: 'index-failed' })
    const foreign = memoryStore()
    await foreign.batch([{ type: 'put', key: Buffer.from('x'), value: Uint8Array.of(1) }])
    await expect(open(foreign)).rejects.toMatchObject({ code: 'index-damaged' })
  })

  it.each(['a page is missing', 'a row is missing', 'a log row is missing'])(
    'finds out after a crash that %s',
    async (harm) => {
      const store = lastingStore()
      const index = await open(store)
      await index.commit(Array.from({ length: 100 }, (_, i) => fileOf(`f${i}`, 'x')))
      const pages = await readRange(store, keyRange(prefix.page, new Uint8Array(0), null))
      expect(pages.length).toBeGreaterThan(2)
      const [key, page] = pages[1]!
      const { end, entries } = decodePage(page)
      if (harm === 'a page is missing') await store.batch([{ type: 'del', key }])
      if (harm === 'a row is missing')
        await store.batch([{ type: 'put', key, value: encodePage(end, entries.slice(1)) }])
      if (harm === 'a log row is missing') {
        const [row] = await readRange(store, keyRange(prefix.log, new Uint8Array(0), null))
        await store.batch([{ type: 'del', key: row![0] }])
      }
      await expect(open(store)).rejects.toMatchObject({ code: 'index-damaged' })
    },
  )

  it('finds out that its tree is not the one that it was closed with', async () => {
    const store = lastingStore()
    const index = await open(store)
    await index.commit(Array.from({ length: 100 }, (_, i) => fileOf(`f${i}`, 'x')))
    await index.close()
    await store.batch([{ type: 'put', key: Buffer.from('s'), value: new Uint8Array(33).fill(17) }])
    await expect(open(store)).rejects.toMatchObject({ code: 'index-damaged' })
  })

  it('opens with a head of an earlier version, which had no root', async () => {
    const store = lastingStore()
    const index = await open(store)
    await index.commit([fileOf('a', 'x')])
    await index.close()
    const head = Buffer.from('mhead')
    await store.batch([{ type: 'put', key: head, value: (await store.get(head))!.subarray(0, 44) }])
    expect((await open(store)).summary).toEqual(index.summary)
  })

  it('has a new writer and a new epoch when its incarnation is renewed, for good', async () => {
    const store = lastingStore()
    const index = await open(store)
    const { writer, epoch } = index
    await index.renewIncarnation(index.seq)
    expect(index.epoch).not.toBe(epoch)
    expect(index.writer.slice(0, 16)).toBe(writer.slice(0, 16))
    expect(index.writer.slice(16)).toBe(index.epoch)
    await index.close()
    expect((await open(store)).epoch).toBe(index.epoch)
  })
})

describe('what is kept beside the records', () => {
  it('holds intents until a commit clears them', async () => {
    const index = await open()
    const { record } = fileOf('a', 'x')
    const one = { id: '1', record, blockList: null, staged: 's1' }
    const two = { id: '2', record: recordOf('b'), blockList: Buffer.from('list'), staged: 's2' }
    const withOne = { ...one, record: recordOf('c'), staged: '', copyPath: 'c (copy)' as RelativePath }
    await index.putIntents([one, two, withOne])
    expect(await index.intents()).toEqual([one, withOne, { ...two, blockList: new Uint8Array(two.blockList) }])
    await index.commit([fileOf('a', 'x')], { clearIntents: ['1'], durable: true })
    expect((await index.intents()).map((intent) => intent.id)).toEqual(['2'])
  })

  it('remembers how far it is in the log of each peer', async () => {
    const index = await open()
    const device = '12D3KooWpeer' as DeviceId
    expect(await index.peerState(device)).toBeNull()
    await index.setPeerState(device, { epoch: '00112233445566ff', seq: 2 ** 40 })
    expect(await index.peerState(device)).toEqual({ epoch: '00112233445566ff', seq: 2 ** 40 })
  })
})
