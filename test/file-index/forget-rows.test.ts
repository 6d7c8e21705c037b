import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import { rebuildTree } from '../../src/file-index/leaf-rows.ts'
import { rootHash } from '../../src/merkle/merkle-tree.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { countingRandom, deviceTag, fileOf, tombstoneOf } from './sample-records.ts'

describe('forgetting rows', () => {
  it('leaves the tree and the counts of the records that remain, and a log that is told as before', async () => {
    const some = fc.uniqueArray(fc.tuple(fc.nat(400), fc.nat(2)), { selector: ([n]) => n, maxLength: 200 })
    await fc.assert(
      fc.asyncProperty(some, async (entries) => {
        const store = memoryStore()
        const index = await FolderIndex.open(store, { deviceTag, random: countingRandom() })
        const changes = entries.map(([n, kind]) => (kind === 0 ? fileOf(`d/f${n}`, 'x') : tombstoneOf(`d/f${n}`)))
        await index.commit(changes)
        const forgotten = changes.filter((_, i) => entries[i]![1] === 2).map(({ record }) => record.path)
        const rows = await index.getMany(forgotten)
        const { seq } = index
        const seen = forgotten.map((path, i) => ({ path, seq: rows[i]!.seq }))
        // Who walks through the log may come by a row twice.
        expect(await index.forget([...seen, ...seen.slice(0, seen.length / 2)])).toBe(forgotten.length)
        const rest = await FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
        await rest.commit(changes.filter(({ record }) => !forgotten.includes(record.path)))
        expect(index.summary).toEqual(rest.summary)
        expect(rootHash(await rebuildTree(store))).toEqual(index.summary.hash)
        const told = await index.since(0, 1000)
        expect([told.toSeq, index.seq]).toEqual([seq, seq])
        expect(told.records).toEqual((await rest.since(0, 1000)).records)
      }),
      { numRuns: 30, seed: 13 },
    )
  })

  it('has peers tell of everything anew where rows were lost, and only there', async () => {
    for (const isLost of [true, false]) {
      const index = await FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
      const peer = '12D3KooWPeer' as DeviceId
      await index.commit([fileOf('here', 'x')])
      await index.setPeerState(peer, { epoch: '0123456789abcdef', seq: 7 })
      const [row] = await index.getMany([fileOf('here', 'x').record.path])
      expect(await index.forget([{ path: row!.record.path, seq: row!.seq, live: true }], { isLost })).toBe(1)
      expect((await index.peerState(peer)) === null).toBe(isLost)
    }
  })

  it('leaves alone what is no longer that tombstone, and what lives', async () => {
    const index = await FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
    await index.commit([tombstoneOf('gone'), fileOf('here', 'x'), tombstoneOf('back')])
    await index.commit([fileOf('back', 'again')])
    const seen = ['gone', 'here', 'back', 'never'].map((name, i) => ({
      path: fileOf(name, '').record.path,
      seq: i + 1,
    }))
    expect(await index.forget(seen)).toBe(1)
    expect(index.summary).toMatchObject({ entries: 2, tombstones: 0, files: 2 })
  })

  it('forgets how far peers were heard when what they told is lost, and only then', async () => {
    const index = await FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
    await index.commit([fileOf('a', 'x'), fileOf('b', 'x')])
    const [a, b] = [fileOf('a', '').record.path, fileOf('b', '').record.path]
    const peer = '12D3KooWpeer' as DeviceId
    await index.setPeerState(peer, { epoch: '00'.repeat(8), seq: 7 })
    await index.forget([{ path: a, seq: 1, live: true }])
    expect(await index.peerState(peer)).toMatchObject({ seq: 7 })
    await index.forget([{ path: b, seq: 2, live: true }], { isLost: true })
    expect([await index.peerState(peer), index.summary.entries]).toEqual([null, 0])
  })

  it('survives an unclean end: the index that is opened again is whole', async () => {
    const store = memoryStore()
    const index = await FolderIndex.open(store, { deviceTag, random: countingRandom() })
    await index.commit([tombstoneOf('gone'), fileOf('here', 'x')])
    await index.forget([{ path: tombstoneOf('gone').record.path, seq: 1 }])
    const again = await FolderIndex.open(store, { deviceTag, random: countingRandom() })
    expect(again.summary).toEqual(index.summary)
  })
})

describe('what all devices hold', () => {
  it('is what the least of those holds that progress was ever noted of, and no bound when there is none', async () => {
    const index = await FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
    const notes = index.forgetNotes
    expect(await notes.ackedByAll()).toBe(Number.POSITIVE_INFINITY)
    const [one, two] = ['one', 'two'] as DeviceId[]
    for (const device of [one!, two!]) await index.setPeerState(device, { epoch: '0011223344556677', seq: 1 })
    await notes.setAck(one!, 7)
    expect(await notes.ackedByAll()).toBe(0)
    await notes.setAck(two!, 5)
    expect(await notes.ackedByAll()).toBe(5)
  })

  it('is kept with the rest of the note', async () => {
    const index = await FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
    const note = { seenMs: Date.UTC(2026, 1, 1), doubtedSinceMs: 5, ranDay: 20_000, seq: 2 ** 40, heldDay: 19_000 }
    await index.forgetNotes.setNote(note)
    expect(await index.forgetNotes.note()).toEqual(note)
  })
})
