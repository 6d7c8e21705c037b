import { describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { FolderIndex, type RowChange } from '../../src/file-index/folder-index.ts'
import type { BlockHash } from '../../src/model/block-hash.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { countingRandom, deviceTag, fileOf, largeFileOf, tombstoneOf } from './sample-records.ts'

const blockOf = (name: string): BlockHash => hashBlock(Buffer.from(name))
const inHistory = (place: string, length: number, offset = 0) => ({ path: `.p2psync/history/${place}`, offset, length })

function open(store: KeyValueStore = memoryStore()): Promise<FolderIndex> {
  return FolderIndex.open(store, { deviceTag, random: countingRandom() })
}

async function rowsWith(store: KeyValueStore, prefixes: string): Promise<number> {
  let count = 0
  for await (const page of store.pages({ from: new Uint8Array(0), to: Uint8Array.of(255) })) {
    for (const [key] of page) if (prefixes.includes(String.fromCharCode(key[0]!))) count++
  }
  return count
}

describe('contents that history keeps', () => {
  it('are found there once no live file has them, after opening again too', async () => {
    const store = memoryStore()
    const index = await open(store)
    await index.commit([fileOf('small', 'one'), largeFileOf('large', ['1', '2']), fileOf('other', 'two')])
    await index.commit([
      { ...tombstoneOf('small'), kept: 'h1/small' },
      { ...largeFileOf('large', ['1', '3']), kept: 'h1/d/large (2)' },
      tombstoneOf('other'),
    ])
    for (const opened of [index, await open(store)]) {
      expect(await opened.findBlocks(['one', '1', '2', '3', 'two', 'none'].map(blockOf))).toEqual([
        inHistory('h1/small', 3),
        { path: 'large', offset: 0, length: 100_000 },
        inHistory('h1/d/large (2)', 100_000, 100_000),
        { path: 'large', offset: 100_000, length: 100_000 },
        null,
        null,
      ])
    }
  })

  it('are found though there were none when the index was asked before', async () => {
    const index = await open()
    expect(await index.findBlocks([blockOf('one')])).toEqual([null])
    await index.commit([fileOf('a', 'one')])
    await index.commit([{ ...tombstoneOf('a'), kept: 'h1/a' }])
    expect(await index.findBlocks([blockOf('one')])).toEqual([inHistory('h1/a', 3)])
  })

  it('keep their block lists, though another path that had the same goes without being kept', async () => {
    const index = await open()
    const file = largeFileOf('a', ['1', '2'])
    await index.commit([file, largeFileOf('b', ['1', '2'])])
    await index.commit([{ ...tombstoneOf('a'), kept: 'h1/a' }])
    expect(await index.findBlocks([blockOf('2')])).toMatchObject([{ path: 'b' }])
    await index.commit([tombstoneOf('b')])
    expect(await index.findBlocks([blockOf('2')])).toEqual([inHistory('h1/a', 100_000, 100_000)])
    expect(await index.blockList(file.content)).not.toBeNull()
  })

  it('are forgotten with the history that has them, and leave nothing behind', async () => {
    const store = memoryStore()
    const index = await open(store)
    const text = (n: number): string => `text ${n}`
    const files = Array.from({ length: 2300 }, (_, n): RowChange => fileOf(`f${n}`, text(n)))
    await index.commit([...files, largeFileOf('large', ['1', '2']), largeFileOf('lives', ['3', '4'])])
    const gone = files.map(({ record }, n) => ({ ...tombstoneOf(record.path), kept: `h${1 + (n % 2)}/${record.path}` }))
    await index.commit([
      ...gone,
      { ...tombstoneOf('large'), kept: 'h1/large' },
      { ...largeFileOf('lives', ['3', '4']), kept: 'h1/lives' },
    ])
    await index.forgetHistory('h1')
    expect(await rowsWith(store, 'k')).toBe(2302)
    await index.forgetHistory('h2')
    expect(await index.findBlocks(['1', '3', text(0), text(1)].map(blockOf))).toEqual([
      null,
      { path: 'lives', offset: 0, length: 100_000 },
      null,
      inHistory('h2/f1', 6),
    ])
    await index.forgetHistory('h3')
    expect(await rowsWith(store, 'k')).toBe(0)
    await index.commit([tombstoneOf('lives')])
    expect(await rowsWith(store, 'klb')).toBe(0)
  })
})
