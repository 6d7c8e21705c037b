import { describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import { keyRange, prefix } from '../../src/file-index/index-keys.ts'
import { decodeLogRow } from '../../src/file-index/log-row.ts'
import { readRange } from '../../src/file-index/read-range.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { countingRandom, deviceTag, fileOf } from './sample-records.ts'

function open(store: KeyValueStore): Promise<FolderIndex> {
  return FolderIndex.open(store, { deviceTag, random: countingRandom() })
}

async function logged(store: KeyValueStore): Promise<number> {
  const rows = await readRange(store, keyRange(prefix.log, new Uint8Array(0), null))
  return rows.reduce((sum, row) => sum + decodeLogRow(...row).length, 0)
}

/** 100 files of which each change overtakes the one before: 20,000 changes in commits of 50. */
async function busyIndex(store: KeyValueStore): Promise<FolderIndex> {
  const index = await open(store)
  for (let round = 0; round < 400; round++) {
    const from = (round % 2) * 50
    await index.commit(Array.from({ length: 50 }, (_, i) => fileOf(`f${from + i}`, `text ${round} ${i}`)))
  }
  return index
}

describe('a log of which most was overtaken', () => {
  it('stays short, tells each path once and passes the check after a crash', async () => {
    const store = memoryStore()
    const index = await busyIndex(store)
    expect(index.seq).toBe(20_000)
    expect(await logged(store)).toBeLessThan(6000)
    const told: string[] = []
    for (let seq = 0; seq < index.seq;) {
      const { records, toSeq } = await index.since(seq, 30)
      told.push(...records.map((record) => record.path))
      seq = toSeq
    }
    expect(told).toEqual(Array.from({ length: 100 }, (_, i) => `f${i}`))
    const again = await open(store)
    expect(again.summary).toEqual(index.summary)
  })

  it('finds contents as before', async () => {
    const index = await busyIndex(memoryStore())
    const find = async (round: number): Promise<(string | undefined)[]> => {
      const blocks = await index.findBlocks([0, 49].map((i) => hashBlock(Buffer.from(`text ${round} ${i}`))))
      return blocks.map((block) => block?.path)
    }
    expect(await find(398)).toEqual(['f0', 'f49'])
    for (let round = 400; round < 600; round++) {
      await index.commit(Array.from({ length: 50 }, (_, i) => fileOf(`f${i}`, `text ${round} ${i}`)))
    }
    expect(await find(398)).toEqual([undefined, undefined])
    expect(await find(399)).toEqual(['f50', 'f99'])
    expect(await find(599)).toEqual(['f0', 'f49'])
  })
})
