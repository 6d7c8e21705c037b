import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { FolderIndex, type RowChange } from '../../src/file-index/folder-index.ts'
import type { BlockHash } from '../../src/model/block-hash.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { countingRandom, deviceTag, fileOf, largeFileOf, tombstoneOf } from './sample-records.ts'

const blockOf = (name: string): BlockHash => hashBlock(Buffer.from(name))

function open(store: KeyValueStore = memoryStore()): Promise<FolderIndex> {
  return FolderIndex.open(store, { deviceTag, random: countingRandom() })
}

describe('contents', () => {
  it('are found at a live path that has them as long as there is one', async () => {
    const someChange = fc
      .tuple(fc.nat(9), fc.constantFrom('x', 'y', 'z', 'xyz', 'yz', ''))
      .map(([n, text]): RowChange => {
        if (text === '') return tombstoneOf(`f${n}`)
        return text.length === 1 ? fileOf(`f${n}`, text) : largeFileOf(`f${n}`, text.split(''))
      })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(someChange, { maxLength: 8 }), { maxLength: 8 }), async (commits) => {
        const index = await open()
        const live = new Map<string, BlockHash | ''>()
        const contents = new Set<BlockHash>()
        for (const changes of commits) {
          await index.commit(changes)
          for (const { record } of changes) {
            live.set(record.path, record.content)
            if (record.content !== '') contents.add(record.content)
          }
          for (const content of contents) {
            const row = await index.rowOfContent(content)
            const isLive = [...live.values()].includes(content)
            expect(row !== null).toBe(isLive)
            if (row !== null) expect(live.get(row.record.path)).toBe(content)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  it('leave no rows behind when all files are gone', async () => {
    const store = memoryStore()
    const index = await open(store)
    const paths = ['a', 'b', 'c', 'd']
    await index.commit(paths.map((path) => largeFileOf(path, ['1', '2', '3'])))
    await index.commit([largeFileOf('a', ['2', '3', '4']), fileOf('e', 'x'), fileOf('f', 'x')])
    await index.commit([...paths, 'e', 'f'].map(tombstoneOf))
    expect(await index.findBlocks([blockOf('x'), blockOf('2')])).toEqual([null, null])
    const prefixes = new Set<string>()
    for await (const page of store.pages({ from: new Uint8Array(0), to: Uint8Array.of(255) })) {
      for (const [key] of page) prefixes.add(String.fromCharCode(key[0]!))
    }
    expect([...prefixes].sort()).toEqual(['h', 'm', 'n', 's'])
  })

  it('are found although the process died', async () => {
    const store = memoryStore()
    const index = await open(store)
    await index.commit([fileOf('a', 'one'), fileOf('b', 'one')])
    await index.commit([fileOf('a', 'two'), fileOf('c', 'three')])
    await index.commit([fileOf('a', 'one'), tombstoneOf('c'), fileOf('b', 'two')])
    const again = await open(store)
    expect(await again.findBlocks(['one', 'two', 'three'].map(blockOf))).toEqual([
      { path: 'a', offset: 0, length: 3 },
      { path: 'b', offset: 0, length: 3 },
      null,
    ])
  })

  it('are found when there are many', async () => {
    const index = await open()
    for (let at = 0; at < 10_000; at += 1000) {
      await index.commit(Array.from({ length: 1000 }, (_, i) => fileOf(`f${at + i}`, `text ${at + i}`)))
    }
    const found = await index.findBlocks([blockOf('text 0'), blockOf('text 5000'), blockOf('text 9999')])
    expect(found.map((block) => block?.path)).toEqual(['f0', 'f5000', 'f9999'])
  })

  it('are found in the file that is left of hundreds that were alike, and in none when that goes too', async () => {
    const index = await open()
    const paths = Array.from({ length: 700 }, (_, i) => `f${String(i).padStart(3, '0')}`)
    await index.commit(paths.map((path) => fileOf(path, 'alike')))
    expect(await index.findBlocks([blockOf('alike')])).toMatchObject([{ offset: 0, length: 5 }])
    await index.commit(paths.slice(1).map(tombstoneOf))
    expect(await index.findBlocks([blockOf('alike')])).toEqual([{ path: 'f000', offset: 0, length: 5 }])
    await index.commit([tombstoneOf('f000')])
    expect(await index.findBlocks([blockOf('alike'), blockOf('alike')])).toEqual([null, null])
  })

  it('are found while commits move them from path to path', async () => {
    const index = await open()
    await index.commit([fileOf('f0', 'moving')])
    for (let n = 1; n < 40; n++) {
      const moving = index.commit([tombstoneOf(`f${n - 1}`), fileOf(`f${n}`, 'moving')])
      const [found] = await index.findBlocks([blockOf('moving')])
      expect([`f${n - 1}`, `f${n}`]).toContain(found?.path)
      await moving
    }
  })

  it('are told apart when a file holds the very bytes of another file’s block list', async () => {
    const index = await open()
    const large = largeFileOf('large', ['1', '2'])
    const bytes = large.blockList as Uint8Array
    const small = fileOf('small', '')
    const { content } = large
    await index.commit([large, { ...small, record: { ...small.record, sizeBytes: bytes.length, content } }])
    expect(await index.findBlocks([content])).toEqual([{ path: 'small', offset: 0, length: bytes.length }])
    await index.commit([tombstoneOf('small')])
    expect(await index.findBlocks([content, blockOf('2')])).toEqual([
      null,
      { path: 'large', offset: 100_000, length: 100_000 },
    ])
    expect(await index.blockList(content)).not.toBeNull()
  })
})

describe('blocks', () => {
  it('are found in small files and inside of large ones', async () => {
    const index = await open()
    await index.commit([fileOf('a', 'text'), largeFileOf('b', ['1', '2', '3'])])
    expect(await index.findBlocks([blockOf('3'), blockOf('none'), blockOf('text'), blockOf('1')])).toEqual([
      { path: 'b', offset: 200_000, length: 100_000 },
      null,
      { path: 'a', offset: 0, length: 4 },
      { path: 'b', offset: 0, length: 100_000 },
    ])
  })

  it('follow a file that is renamed within one commit', async () => {
    const index = await open()
    await index.commit([largeFileOf('a', ['1', '2']), fileOf('b', 'text')])
    const { record, disk } = largeFileOf('c', ['1', '2'])
    await index.commit([tombstoneOf('a'), { record, disk }, tombstoneOf('b'), fileOf('d', 'text')])
    expect(await index.findBlocks([blockOf('2'), blockOf('text')])).toEqual([
      { path: 'c', offset: 100_000, length: 100_000 },
      { path: 'd', offset: 0, length: 4 },
    ])
  })

  it('that an edit keeps are found in the new version, the others no more', async () => {
    const index = await open()
    await index.commit([largeFileOf('a', ['1', '2', '3'])])
    await index.commit([largeFileOf('a', ['0', '2', '3'])])
    expect(await index.findBlocks([blockOf('0'), blockOf('1'), blockOf('3')])).toEqual([
      { path: 'a', offset: 0, length: 100_000 },
      null,
      { path: 'a', offset: 200_000, length: 100_000 },
    ])
  })

  it('come with the list of their file, which stays while any path has it', async () => {
    const index = await open()
    const list = largeFileOf('a', ['1', '2']).blockList as Uint8Array
    const { content } = largeFileOf('a', ['1', '2'])
    expect(await index.blockList(content)).toBeNull()
    await index.commit([largeFileOf('a', ['1', '2']), largeFileOf('b', ['1', '2'])])
    await index.commit([tombstoneOf('a')])
    expect(Buffer.from((await index.blockList(content)) ?? [])).toEqual(Buffer.from(list))
    expect((await index.rowOfContent(content))?.record.path).toBe('b' as RelativePath)
    await index.commit([fileOf('b', 'small now')])
    expect(await index.blockList(content)).toBeNull()
  })
})
