import { beforeEach, describe, expect, it } from 'vitest'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { damageNotesIn, KnownDamage } from '../../src/node/known-damage.ts'
import { MemoryNote } from '../twins/memory-note.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { expectKept } from './kept-note.ts'

const a = parseRelativePath('a')
const b = parseRelativePath('d/b')

describe('what a power cut has damaged', () => {
  let kept: MemoryNote<readonly string[]>

  beforeEach(() => {
    kept = new MemoryNote()
  })

  const known = (): KnownDamage => new KnownDamage({ logger: silentLogger, damageNotes: kept })

  it('is noted before the index is told in which state it is', async () => {
    let whenTold: readonly string[] | null = null
    await known().add([a, b], async () => {
      whenTold = kept.note
    })
    expect(whenTold).toEqual(['a', 'd/b'])
  })

  it('is not told to the index when it cannot be noted, nor when it is tried again', async () => {
    const damage = known()
    kept.save = () => Promise.reject(new Error('disk full'))
    let isTold = false
    const add = (): Promise<void> =>
      damage.add([a], async () => {
        isTold = true
      })
    for (let tries = 0; tries < 2; tries++) await expect(add()).rejects.toThrow('disk full')
    expect(isTold).toBe(false)
  })

  it('is given to who repairs, once the index knows its state, and kept until it is remembered there', async () => {
    const damage = known()
    const taken: string[] = []
    damage.onDamaged(async (paths) => {
      taken.push(...paths)
      return [a]
    })
    let takenBefore = -1
    await damage.add([a, b], async () => {
      takenBefore = taken.length
    })
    expect(takenBefore).toBe(0)
    await expect.poll(() => kept.note).toEqual(['d/b'])
    expect(taken).toEqual(['a', 'd/b'])
  })

  it('is known to the next process', async () => {
    await known().add([a], async () => undefined)
    const next = known()
    const taken: string[] = []
    next.onDamaged(async (paths) => {
      taken.push(...paths)
      return paths
    })
    await next.load()
    await expect.poll(() => kept.note).toEqual([])
    expect(taken).toEqual(['a'])
  })
})

describe('the note of damage', () => {
  it('is found again as it was saved, and is none when it cannot be read', async () => {
    await expectKept(damageNotesIn, ['a', 'd/b'], ['', '["a"', '[1]', '{}'])
  })
})
