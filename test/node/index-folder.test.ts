import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { P2psyncError } from '../../src/model/errors.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { openIndex, setIndexAside } from '../../src/node/index-folder.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'p2psync-aside-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

async function setAside(content: string, nowMs: number): Promise<string | null> {
  const folder = join(home, 'index')
  mkdirSync(folder)
  writeFileSync(join(folder, content), '')
  return setIndexAside(folder, nowMs)
}

describe('an index that is set aside', () => {
  it('is kept whole beside the new one, under the time', async () => {
    const aside = await setAside('table', Date.UTC(2026, 1, 3, 4, 5, 6))
    expect(aside).toBe(join(home, 'index.damaged-20260203T040506000Z'))
    expect(readdirSync(aside!)).toEqual(['table'])
    expect(existsSync(join(home, 'index'))).toBe(false)
  })

  it('drives out all but the newest of the earlier ones, also when the clock went back', async () => {
    for (const [i, nowMs] of [9e12, 1e12, 1e12, 2e12].entries()) await setAside(`${i}`, nowMs)
    const kept = readdirSync(home).flatMap((name) => readdirSync(join(home, name)))
    expect(kept.sort()).toEqual(['2', '3'])
  })

  it('is null when there is none', async () => {
    expect(await setIndexAside(join(home, 'index'), 0)).toBeNull()
  })
})

describe('an open index', () => {
  it('tells the first damage that is come upon, and no other trouble', async () => {
    const told: unknown[] = []
    const store = memoryStore()
    const index = await openIndex(home, {
      openStore: () => Promise.resolve(store),
      deviceTag: new Uint8Array(8),
      random: new SeededRandom(1),
      onDamaged: (error) => told.push(error),
    })
    const fail = (code: 'index-failed' | 'index-damaged'): void => {
      store.getMany = () => Promise.reject(new P2psyncError(code, 'no'))
    }
    fail('index-failed')
    await expect(index.getMany(['a' as RelativePath])).rejects.toThrow('no')
    expect(told).toEqual([])
    fail('index-damaged')
    await expect(index.getMany(['a' as RelativePath])).rejects.toThrow('no')
    await expect(index.getMany(['a' as RelativePath])).rejects.toThrow('no')
    expect(told).toMatchObject([{ code: 'index-damaged' }])
  })
})
