import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { damageNotesIn, KnownDamage, type DamageNotes } from '../../src/node/known-damage.ts'
import { silentLogger } from '../twins/silent-logger.ts'

const a = parseRelativePath('a')
const b = parseRelativePath('d/b')

describe('what a power cut has damaged', () => {
  let noted: readonly string[]
  let damageNotes: DamageNotes

  beforeEach(() => {
    noted = []
    damageNotes = {
      load: async () => noted,
      save: async (paths) => {
        noted = paths
      },
    }
  })

  const known = (): KnownDamage => new KnownDamage({ logger: silentLogger, damageNotes })

  it('is noted before the index is told in which state it is', async () => {
    let whenTold: readonly string[] | null = null
    await known().add([a, b], async () => {
      whenTold = noted
    })
    expect(whenTold).toEqual(['a', 'd/b'])
  })

  it('is not told to the index when it cannot be noted', async () => {
    const damage = new KnownDamage({
      logger: silentLogger,
      damageNotes: { ...damageNotes, save: () => Promise.reject(new Error('disk full')) },
    })
    let isTold = false
    const adding = damage.add([a], async () => {
      isTold = true
    })
    await expect(adding).rejects.toThrow('disk full')
    expect(isTold).toBe(false)
  })

  it('is given to who repairs, once the index knows its state, and kept until it is remembered there', async () => {
    const damage = known()
    const taken: string[] = []
    damage.onDamaged(async (path) => {
      taken.push(path)
      return path === a
    })
    let takenBefore = -1
    await damage.add([a, b], async () => {
      takenBefore = taken.length
    })
    expect(takenBefore).toBe(0)
    await expect.poll(() => noted).toEqual(['d/b'])
    expect(taken).toEqual(['a', 'd/b'])
  })

  it('is known to the next process', async () => {
    await known().add([a], async () => undefined)
    const next = known()
    const taken: string[] = []
    next.onDamaged(async (path) => taken.push(path) > 0)
    await next.load()
    await expect.poll(() => noted).toEqual([])
    expect(taken).toEqual(['a'])
  })
})

describe('the note of damage', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'p2psync-damage-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('is found again as it was saved, and is none when it cannot be read', async () => {
    const file = join(folder, 'damage.json')
    const notes = damageNotesIn(file)
    expect(await notes.load()).toBeNull()
    await notes.save(['a', 'd/b'])
    expect(await notes.load()).toEqual(['a', 'd/b'])
    for (const text of ['', '["a"', '[1]', '{}']) {
      await writeFile(file, text)
      expect(await notes.load()).toBeNull()
    }
  })
})
