import { beforeEach, describe, expect, it } from 'vitest'
import { fingerprint } from '../../src/model/file-record.ts'
import { parseRelativePath, type RelativePath } from '../../src/model/relative-path.ts'
import { damageNotesIn, KnownDamage, type DamageKeeper } from '../../src/node/known-damage.ts'
import { MemoryNote } from '../twins/memory-note.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { expectKept } from './kept-note.ts'
import { fileRecord, tombstone } from './sample-record.ts'

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
    damage.handTo(keeper(taken, () => [a]))
    let takenBefore = -1
    await damage.add([a, b], async () => {
      takenBefore = taken.length
    })
    expect(takenBefore).toBe(0)
    await expect.poll(() => kept.note).toEqual(['d/b'])
    expect(taken).toEqual(['a', 'd/b'])
  })

  it('is noted where it moves to before that is committed, and nothing else is', async () => {
    const damage = known()
    await damage.add([a], async () => undefined)
    const moved = fileRecord('new', 'text')
    const left = tombstone('a', { basis: fingerprint(moved) })
    const other = fileRecord('other', 'another text')
    let whenCommitted: readonly string[] | null = null
    const changes = [left, moved, other].map((record) => ({ record, disk: null }))
    await damage.follow(changes, async () => {
      whenCommitted = kept.note
    })
    expect(whenCommitted).toEqual(['a', 'new'])
    await damage.follow([{ record: other, disk: null }], async () => undefined)
    expect(kept.note).toEqual(['a', 'new'])
  })

  it('is asked of who looks after it', async () => {
    const damage = known()
    damage.handTo({ lookAfter: async () => [], damaged: () => [b] })
    const moved = fileRecord('new', 'text')
    const changes = [tombstone('d/b', { basis: fingerprint(moved) }), moved].map((record) => ({ record, disk: null }))
    await damage.follow(changes, async () => undefined)
    expect(kept.note).toEqual(['new'])
  })

  it('is known to the next process', async () => {
    await known().add([a], async () => undefined)
    const next = known()
    const taken: string[] = []
    next.handTo(keeper(taken))
    await next.load()
    await expect.poll(() => kept.note).toEqual([])
    expect(taken).toEqual(['a'])
  })
})

/** Takes all, or what `takes` says. */
function keeper(taken: string[], takes?: () => readonly RelativePath[]): DamageKeeper {
  return {
    lookAfter: async (paths) => {
      taken.push(...paths)
      return takes?.() ?? paths
    },
    damaged: () => [],
  }
}

describe('the note of damage', () => {
  it('is found again as it was saved, and is none when it cannot be read', async () => {
    await expectKept(damageNotesIn, ['a', 'd/b'], ['', '["a"', '[1]', '{}'])
  })
})
