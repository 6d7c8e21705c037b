import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLevelStore } from '../../src/file-index/level-store.ts'
import type { KeyValueStore, StoreEntry, StoreRange } from '../../src/ports/key-value-store.ts'
import { memoryStore } from '../twins/memory-store.ts'

let folder = ''
let open: KeyValueStore[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'p2psync-level-'))
})
afterEach(async () => {
  await Promise.all(open.map((store) => store.close()))
  open = []
  rmSync(folder, { recursive: true, force: true })
})

const levelStore = async (): Promise<KeyValueStore> => {
  const store = await openLevelStore(join(folder, 'db'))
  open.push(store)
  return store
}

async function collect(store: KeyValueStore, range: StoreRange): Promise<{ pages: number[]; keys: string[] }> {
  const pages: number[] = []
  const entries: StoreEntry[] = []
  for await (const page of store.pages(range)) {
    pages.push(page.length)
    entries.push(...page)
  }
  return { pages, keys: entries.map(([key]) => Buffer.from(key).toString('hex')) }
}

describe.each([
  ['on disk', levelStore],
  ['in memory', () => Promise.resolve(memoryStore())],
])('a store %s', (_, make) => {
  it('orders keys as unsigned bytes and gives ranges in pages, both ways', async () => {
    const store = await make()
    const keys = ['ff', '00', '7f', '80', '0000', '8000'].map((hex) => Buffer.from(hex, 'hex'))
    await store.batch(keys.map((key) => ({ type: 'put', key, value: key })))
    const all = { from: new Uint8Array(0), to: Uint8Array.of(0xff) }
    expect(await collect(store, { ...all, pageEntries: 2 })).toEqual({
      pages: [2, 2, 1],
      keys: ['00', '0000', '7f', '80', '8000'],
    })
    expect((await collect(store, { ...all, reverse: true, limit: 2 })).keys).toEqual(['8000', '80'])
    expect((await collect(store, { from: Uint8Array.of(0x7f), to: Uint8Array.of(0x80) })).keys).toEqual(['7f'])
  })

  it('gives values in the order of the keys that are asked for', async () => {
    const store = await make()
    await store.batch([{ type: 'put', key: Uint8Array.of(1), value: Uint8Array.of(10) }], { durable: true })
    const values = await store.getMany([Uint8Array.of(2), Uint8Array.of(1)])
    expect(values[0]).toBeUndefined()
    expect([...values[1]!]).toEqual([10])
    expect(await store.get(Uint8Array.of(2))).toBeUndefined()
    expect(await store.getMany([])).toEqual([])
  })

  it('lets a reader leave in the middle', async () => {
    const store = await make()
    await store.batch([1, 2, 3].map((n) => ({ type: 'put', key: Uint8Array.of(n), value: new Uint8Array(0) })))
    let seen = 0
    for await (const page of store.pages({ from: Uint8Array.of(0), to: Uint8Array.of(9), pageEntries: 1 })) {
      seen += page.length
      break
    }
    expect(seen).toBe(1)
  })
})

describe('a store that cannot be used', () => {
  it('is folder-busy while somebody else has it open', async () => {
    await levelStore()
    await expect(openLevelStore(join(folder, 'db'))).rejects.toMatchObject({ code: 'folder-busy' })
  })

  it('is index-failed when its files are damaged', async () => {
    const store = await openLevelStore(join(folder, 'db'))
    await store.close()
    const manifest = readdirSync(join(folder, 'db')).find((name) => name.startsWith('MANIFEST'))!
    writeFileSync(join(folder, 'db', manifest), 'not a manifest')
    await expect(openLevelStore(join(folder, 'db'))).rejects.toMatchObject({ code: 'index-failed' })
  })

  it('is index-failed when it was closed', async () => {
    const store = await openLevelStore(join(folder, 'db'))
    await store.close()
    await expect(store.get(Uint8Array.of(1))).rejects.toMatchObject({ code: 'index-failed' })
    const write = store.batch([{ type: 'del', key: Uint8Array.of(1) }])
    await expect(write).rejects.toMatchObject({ code: 'index-failed' })
  })
})
