import { describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { FolderMove, FolderPaths } from '../../src/model/folder-move.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { writerOf } from '../vector-clock/any-record.ts'
import { countingRandom, deviceTag, fileOf, folderOf, tombstoneOf } from './sample-records.ts'

/** A store that outlives the index that uses it. */
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

function open(store: KeyValueStore = lastingStore()): Promise<FolderIndex> {
  return FolderIndex.open(store, { deviceTag, random: countingRandom() })
}

function moveOf(number: number): FolderMove & FolderPaths {
  const [from, to] = [`f${number}`, `f${number + 1}`] as RelativePath[] as [RelativePath, RelativePath]
  const before = new Uint8Array(32).fill(number % 256)
  return { from, to, writer: writerOf(1), writerName: 'desk', counter: number + 1, movedAtMs: number, before }
}

async function commitMove(index: FolderIndex, number: number): Promise<FolderMove> {
  const move = moveOf(number)
  await index.commit([folderOf(move.to), tombstoneOf(move.from)], { move })
  return move
}

describe('the log and its moves', () => {
  it('has a move where its records begin, and knows it again', async () => {
    const index = await open()
    await index.commit([fileOf('x', 'x')])
    const move = await commitMove(index, 0)
    expect([0, 1, 2, 3].map((seq) => index.moveAfter(seq))).toEqual([null, { move, afterSeq: 1, toSeq: 3 }, null, null])
    expect([index.hasMove(move), index.hasMove(moveOf(1))]).toEqual([true, false])
  })

  it('has them still when it is opened again', async () => {
    const store = lastingStore()
    const index = await open(store)
    await index.commit([fileOf('x', 'x')])
    const moves = [await commitMove(index, 0), await commitMove(index, 1)]
    await index.close()
    const again = await open(store)
    expect(again.moveAfter(3)).toEqual({
      move: { ...moves[1], before: Buffer.from(moves[1]!.before) },
      afterSeq: 3,
      toSeq: 5,
    })
    expect(moves.map((move) => again.hasMove(move))).toEqual([true, true])
  })

  it('is told up to where a move begins, and from within one when that is declined', async () => {
    const index = await open()
    await index.commit([fileOf('x', 'x'), fileOf('y', 'y')])
    await commitMove(index, 0)
    await index.commit([fileOf('z', 'z')])
    const told = async (seq: number, limit = 10): Promise<unknown> => {
      const { records, toSeq } = await index.since(seq, limit)
      return [records.map((record) => record.path), toSeq]
    }
    expect(await told(0)).toEqual([['x', 'y'], 2])
    expect(await told(0, 1)).toEqual([['x'], 1])
    expect(await told(2)).toEqual([['f1', 'f0', 'z'], 5])
    expect(await told(3)).toEqual([['f0', 'z'], 5])
    expect(await told(5)).toEqual([[], 5])
  })

  it('goes on behind a stretch of which later changes have left nothing', async () => {
    const index = await open()
    await commitMove(index, 0)
    await commitMove(index, 1)
    await index.commit([fileOf('f0', 'x'), fileOf('f1', 'x')])
    expect(await index.since(0, 10)).toEqual({ records: [], toSeq: 2 })
    expect((await index.since(2, 10)).records.map((record) => record.path)).toEqual(['f2', 'f0', 'f1'])
  })

  it('forgets the oldest moves, on disk too', async () => {
    const store = lastingStore()
    const index = await open(store)
    const moves: FolderMove[] = []
    for (let i = 0; i < 300; i++) moves.push(await commitMove(index, i))
    const known = (of: FolderIndex): number[] => moves.flatMap((move, i) => (of.hasMove(move) ? [i] : []))
    const last = Array.from({ length: 256 }, (_, i) => i + 44)
    expect(known(index)).toEqual(last)
    await index.close()
    expect(known(await open(store))).toEqual(last)
  })

  it('has no move that could not be written', async () => {
    const store = lastingStore()
    let full = false
    const index = await open({
      ...store,
      batch: (operations, options) => (full ? Promise.reject(new Error('ENOSPC')) : store.batch(operations, options)),
    })
    full = true
    await expect(commitMove(index, 0)).rejects.toThrow('ENOSPC')
    expect([index.hasMove(moveOf(0)), index.moveAfter(0), index.seq]).toEqual([false, null, 0])
  })

  it('is damaged when a move in it cannot be read', async () => {
    const store = lastingStore()
    const index = await open(store)
    await commitMove(index, 0)
    for await (const page of store.pages({ from: new Uint8Array(0), to: Uint8Array.of(0xff) })) {
      for (const [key, value] of page) {
        if (Buffer.from(value).includes('f0') && Buffer.from(value).includes('desk') && key.length === 7)
          await store.batch([{ type: 'put', key, value: value.subarray(0, 20) }])
      }
    }
    await expect(open(store)).rejects.toMatchObject({ code: 'index-damaged' })
  })
})
