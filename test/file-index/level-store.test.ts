import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { abstractLevelStore, openLevelStore } from '../../src/file-index/level-store.ts'
import { nextTurn } from '../../src/model/next-turn.ts'
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

  it('writes a batch of many rows at once, though others have their turn while it is put together', async () => {
    const store = await make()
    const key = (n: number): Uint8Array => Uint8Array.of(n >> 8, n & 0xff)
    const keys = Array.from({ length: 5000 }).map((_none, n) => key(n))
    const puts = keys.map((each) => ({ type: 'put' as const, key: each, value: each }))
    // A store in memory opens with the first look.
    await store.get(key(0))
    const writing = { isDone: false, turns: 0 }
    const written = store.batch([...puts, { type: 'del', key: key(7) }], { durable: true }).then(() => {
      writing.isDone = true
    })
    while (!writing.isDone) {
      const [first, last] = await store.getMany([key(0), key(4999)])
      expect(first === undefined).toBe(last === undefined)
      if (last === undefined) writing.turns++
      await nextTurn()
    }
    await written
    expect(writing.turns).toBeGreaterThan(0)
    const left = await collect(store, everything)
    expect([left.keys.length, await store.get(key(7))]).toEqual([4999, undefined])
    await store.close()
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

  const harms: Record<string, (path: (start: string) => string) => void> = {
    'its manifest is garbage': (path) => writeFileSync(path('MANIFEST'), 'not a manifest'),
    'its manifest is gone': (path) => rmSync(path('MANIFEST')),
    'CURRENT is gone': (path) => rmSync(path('CURRENT')),
    'CURRENT is garbage': (path) => writeFileSync(path('CURRENT'), 'garbage\n'),
    'a table is gone': (path) => rmSync(path('.ldb')),
    'a table is cut off': (path) => truncateSync(path('.ldb'), 50),
    'a table is empty': (path) => truncateSync(path('.ldb'), 0),
    'a table is overwritten': (path) => writeFileSync(path('.ldb'), Buffer.alloc(5000, 0xa5)),
  }
  it.each(Object.entries(harms))('is index-damaged when %s', async (_, harm) => {
    await writeTables(join(folder, 'db'))
    harm((part) =>
      join(
        folder,
        'db',
        readdirSync(join(folder, 'db')).find((name) => name.includes(part))!,
      ),
    )
    await expect(readAll()).rejects.toMatchObject({ code: 'index-damaged' })
  })

  it.each(['No space left on device', 'Permission denied', 'Too many open files', 'Input/output error'])(
    'is index-failed, not damaged, on: %s',
    async (reason) => {
      const trouble = Object.assign(new Error(`IO error: /home/db/000005.ldb: ${reason}`), { code: 'LEVEL_IO_ERROR' })
      const refuse = (): Promise<never> => Promise.reject(trouble)
      const iterator = (): { nextv: typeof refuse; close: () => Promise<void> } => ({
        nextv: refuse,
        close: () => Promise.resolve(),
      })
      const store = abstractLevelStore({
        status: 'open',
        open: refuse,
        get: refuse,
        getMany: refuse,
        batch: refuse as never,
        close: refuse,
        iterator,
      })
      await expect(store.get(Uint8Array.of(1))).rejects.toMatchObject({ code: 'index-failed' })
      await expect(collect(store, everything)).rejects.toMatchObject({ code: 'index-failed' })
    },
  )

  it('is index-failed when a folder above it is a file', async () => {
    writeFileSync(join(folder, 'state'), 'x')
    await expect(openLevelStore(join(folder, 'state', 'db'))).rejects.toMatchObject({ code: 'index-failed' })
  })

  it('opens at an earlier state when its log is cut off, as after a power cut', async () => {
    const store = await openLevelStore(join(folder, 'db'))
    for (let n = 0; n < 10; n++) await store.batch([{ type: 'put', key: Uint8Array.of(n), value: new Uint8Array(100) }])
    await store.close()
    const log = join(
      folder,
      'db',
      readdirSync(join(folder, 'db')).find((name) => name.endsWith('.log'))!,
    )
    truncateSync(log, statSync(log).size - 50)
    expect((await readAll()).keys).toHaveLength(9)
  })

  it('is index-failed when it was closed', async () => {
    const store = await openLevelStore(join(folder, 'db'))
    await store.close()
    await expect(store.get(Uint8Array.of(1))).rejects.toMatchObject({ code: 'index-failed' })
    const write = store.batch([{ type: 'del', key: Uint8Array.of(1) }])
    await expect(write).rejects.toMatchObject({ code: 'index-failed' })
  })
})

const everything = { from: Uint8Array.of(0), to: Uint8Array.of(0xff) }

async function readAll(): Promise<{ keys: string[] }> {
  const store = await openLevelStore(join(folder, 'db'))
  open.push(store)
  return collect(store, everything)
}

/** LevelDB writes its log into a table when it opens. */
async function writeTables(path: string): Promise<void> {
  for (let round = 0; round < 2; round++) {
    const store = await openLevelStore(path)
    const keys = Array.from({ length: 20 }, (_, i) => Uint8Array.of(round, i))
    await store.batch(keys.map((key) => ({ type: 'put', key, value: new Uint8Array(1000).fill(round) })))
    await store.close()
  }
}
