import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryLevel } from 'memory-level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { abstractLevelStore, openLevelStore } from '../../src/file-index/level-store.ts'
import type { KeyValueStore, StoreOperation } from '../../src/ports/key-value-store.ts'

const put = (n: number, text: string, bytes = text.length): StoreOperation => {
  return { type: 'put', key: Uint8Array.of(n >> 8, n & 255), value: Buffer.alloc(bytes, text) }
}

describe('a database that takes only a part of a batch', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'p2psync-renew-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  async function count(store: KeyValueStore): Promise<number> {
    let keys = 0
    for await (const page of store.pages({ from: new Uint8Array(0), to: Uint8Array.of(0xff) })) keys += page.length
    return keys
  }

  it.skipIf(process.platform !== 'linux')(
    'has all that it said to be durable before and after that, whenever it is killed',
    async () => {
      // As a full disk: a write that would make a file larger than this takes only what fits.
      const limitFiles = (bytes: number | string): void => {
        execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`])
      }
      const store = await openLevelStore(join(folder, 'db'))
      const written = async (from: number, to: number): Promise<number> => {
        let failed = 0
        for (let n = from; n < to; n++) {
          await store.batch([put(n, `value ${n}`, 1000)], { durable: true }).catch(() => failed++)
        }
        return failed
      }
      expect(await written(0, 40)).toBe(0)
      limitFiles(50_000)
      let failed: number
      try {
        failed = await written(40, 60)
      } finally {
        limitFiles('unlimited')
      }
      expect(failed).toBeGreaterThan(0)
      expect(await written(60, 100)).toBe(0)
      cpSync(join(folder, 'db'), join(folder, 'killed'), { recursive: true })
      expect(await count(store)).toBe(100 - failed)
      await store.close()
      const after = await openLevelStore(join(folder, 'killed'))
      expect(await count(after)).toBe(100 - failed)
      await after.close()
    },
  )
})

describe('after a batch that failed', () => {
  let level: MemoryLevel<Uint8Array, Uint8Array>
  let store: KeyValueStore
  let opened: number
  let hasSpace: boolean
  /** How the next batch, and the next opening, go. */
  let next: { batch: 'fails' | 'is written and fails' | null; opening: 'fails' | null }

  beforeEach(async () => {
    next = { batch: null, opening: null }
    opened = 0
    hasSpace = true
    const encoding = { storeEncoding: 'view', keyEncoding: 'view', valueEncoding: 'view' } as const
    level = new MemoryLevel<Uint8Array, Uint8Array>(encoding)
    await level.open()
    const kept = new Map<string, StoreOperation[]>()
    const read = level.getMany.bind(level)
    const write = level.batch.bind(level) as (operations: StoreOperation[]) => Promise<void>
    const open = level.open.bind(level)
    level.batch = (async (operations: StoreOperation[]) => {
      const how = next.batch
      next.batch = null
      // What is in the log alone is read only after the next opening.
      if (how === 'is written and fails') kept.set('log', operations)
      if (how !== null) throw new Error('Input/output error')
      await write(operations)
    }) as never
    level.getMany = read
    level.open = async () => {
      const how = next.opening
      next.opening = null
      if (how !== null) throw new Error('No space left on device')
      await open()
      opened++
      const log = kept.get('log')
      kept.clear()
      if (log !== undefined) await write(log)
    }
    store = abstractLevelStore(level, () => (hasSpace ? Promise.resolve() : Promise.reject(new Error('full'))))
    await store.batch([put(1, 'old'), put(2, 'old')])
  })

  const values = async (): Promise<string[]> => {
    const found = await store.getMany([1, 2, 3].map((n) => Uint8Array.of(0, n)))
    return found.map((value) => Buffer.from(value ?? []).toString())
  }

  it.each(['fails', 'is written and fails'] as const)(
    'the database is opened anew before the next, and the batch that %s is not in it',
    async (how) => {
      next.batch = how
      await expect(store.batch([put(1, 'failed'), put(3, 'failed')])).rejects.toMatchObject({ code: 'index-failed' })
      expect(await values()).toEqual(['old', 'old', ''])
      expect(opened).toBe(0)
      await store.batch([put(2, 'new')])
      expect(opened).toBe(1)
      expect(await values()).toEqual(['old', 'new', ''])
      await store.batch([put(2, 'newer')])
      expect(opened).toBe(1)
    },
  )

  it('it stays open to be read until there is room to open it again', async () => {
    next.batch = 'fails'
    await expect(store.batch([put(1, 'failed')])).rejects.toThrow()
    hasSpace = false
    await expect(store.batch([put(1, 'failed')])).rejects.toMatchObject({ code: 'index-failed' })
    expect(await values()).toEqual(['old', 'old', ''])
    hasSpace = true
    await store.batch([put(1, 'new')])
    expect(await values()).toEqual(['new', 'old', ''])
  })

  it('what was written of it is taken back even when openings fail, and who reads opens it too', async () => {
    next = { batch: 'is written and fails', opening: 'fails' }
    await expect(store.batch([put(1, 'failed'), put(3, 'failed')])).rejects.toThrow()
    await expect(store.batch([put(2, 'new')])).rejects.toThrow('No space left')
    next.opening = 'fails'
    await expect(store.get(Uint8Array.of(0, 1))).rejects.toMatchObject({ code: 'index-failed' })
    expect(await values()).toEqual(['old', 'old', ''])
    await store.batch([put(2, 'new')])
    expect(await values()).toEqual(['old', 'new', ''])
  })

  it('batches that were asked for together wait for it one after the other, and so do reads', async () => {
    next.batch = 'fails'
    const first = store.batch([put(1, 'failed')])
    const second = store.batch([put(2, 'second')])
    const third = store.batch([put(3, 'third')])
    await expect(first).rejects.toThrow()
    await Promise.all([second, third])
    expect(opened).toBe(1)
    expect(await values()).toEqual(['old', 'second', 'third'])
  })

  it.each([
    ['in order', {}, ['1', '2', '3', '4', '5']],
    ['reversed', { reverse: true }, ['5', '4', '3', '2', '1']],
    ['up to a limit', { limit: 4 }, ['1', '2', '3', '4']],
  ])('pages that were begun before go on behind what they gave out, %s', async (_, options, keys) => {
    await store.batch([3, 4, 5].map((n) => put(n, 'old')))
    const given: string[] = []
    for await (const page of store.pages({
      from: Uint8Array.of(0),
      to: Uint8Array.of(1),
      pageEntries: 2,
      ...options,
    })) {
      given.push(...page.map(([key]) => String(key[1])))
      if (given.length > 2) continue
      next.batch = 'fails'
      await expect(store.batch([put(9, 'failed')])).rejects.toThrow()
      await store.batch([put(1, 'new')])
    }
    expect(opened).toBe(1)
    expect(given).toEqual(keys)
  })
})
