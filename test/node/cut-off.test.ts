import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toLookAtAgain, type DiskState } from '../../src/model/disk-state.ts'
import { bootNotesIn } from '../../src/node/boot-notes.ts'
import { isCutOff, isOlderVersion } from '../../src/node/cut-off.ts'
import { MemoryBootNotes } from '../twins/memory-boot-notes.ts'
import { MemoryNote } from '../twins/memory-note.ts'
import { expectKept } from './kept-note.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'
import { scrubOf } from './scrub-world.ts'

const secondNs = 1_000_000_000n
const known: DiskState = {
  kind: 'file',
  sizeBytes: 100,
  mtimeNs: 1000n * secondNs,
  ctimeNs: 1000n * secondNs,
  inode: 7n,
  mode: 0o644,
}

describe('what a power cut has taken off a file', () => {
  it.each([
    ['is empty with the time that it had', { sizeBytes: 0 }],
    ['is shorter with the time that it had', { sizeBytes: 99 }],
    ['is empty with a time of seconds before', { sizeBytes: 0, ctimeNs: 970n * secondNs }],
  ])('a file that %s is damaged', (_, now) => {
    expect(isCutOff(known, { ...known, ...now })).toBe(true)
  })

  it.each([
    ['somebody has cut', { sizeBytes: 0, ctimeNs: 1000n * secondNs + 1n }],
    ['took its place', { sizeBytes: 0, inode: 8n }],
    ['has grown', { sizeBytes: 101 }],
    ['is as long as it was', { mtimeNs: 0n }],
    [
      'was edited where the clock went back a year',
      { sizeBytes: 0, ctimeNs: 1000n * secondNs - 31_536_000n * secondNs },
    ],
    ['is a link now', { kind: 'symlink', sizeBytes: 3 } as const],
  ])('a file that %s is none of it', (_, now) => {
    expect(isCutOff(known, { ...known, ...now })).toBe(false)
  })
})

describe('what stands where a newer version was', () => {
  it.each([
    ['another file of an earlier time is older', { inode: 8n, ctimeNs: 999n * secondNs }, true],
    ['another file of a later time is an edit', { inode: 8n, ctimeNs: 1001n * secondNs }, false],
    ['another file that got its last name in the same tick is older', { inode: 8n, mtimeNs: 999n * secondNs }, true],
    ['another file that was written in the same tick is an edit', { inode: 8n }, false],
    [
      'the same file with earlier times has lost what was written to it',
      { mtimeNs: 999n * secondNs, ctimeNs: 999n * secondNs },
      true,
    ],
    ['the same file whose mode alone has gone back holds what it held', { ctimeNs: 999n * secondNs }, false],
    ['the same file with a time that somebody has set is an edit', { mtimeNs: 0n }, false],
    ['the same file with a later time is an edit', { ctimeNs: 1001n * secondNs }, false],
    ['a link is no file', { kind: 'symlink', inode: 8n, ctimeNs: 999n * secondNs } as const, false],
  ])('%s', (_, now, expected) => {
    expect(isOlderVersion(known, { ...known, ...now })).toBe(expected)
  })

  it('is judged by the change time that is kept where it is to be looked at once more', () => {
    const unpacked = toLookAtAgain({ ...known, mtimeNs: 3n * secondNs })
    expect(isCutOff(unpacked, { ...known, mtimeNs: 3n * secondNs, sizeBytes: 0 })).toBe(true)
    expect(isCutOff(unpacked, { ...known, ctimeNs: 1001n * secondNs, sizeBytes: 0 })).toBe(false)
    expect(isOlderVersion(unpacked, { ...known, inode: 8n, ctimeNs: 999n * secondNs })).toBe(true)
    expect(isOlderVersion(unpacked, { ...known, inode: 8n, ctimeNs: 1001n * secondNs })).toBe(false)
  })

  it('is judged by the other time where the change time was not kept', () => {
    const hashedAtOnce = { ...known, ctimeNs: 0n }
    expect(isOlderVersion(hashedAtOnce, { ...known, inode: 8n, ctimeNs: 999n * secondNs })).toBe(true)
    expect(isOlderVersion(hashedAtOnce, { ...known, inode: 8n, ctimeNs: 1001n * secondNs })).toBe(false)
    expect(isOlderVersion(hashedAtOnce, { ...known, mtimeNs: known.mtimeNs - 1n })).toBe(true)
    expect(isOlderVersion(hashedAtOnce, known)).toBe(false)
    const restored = { ...known, mtimeNs: 20n * secondNs, ctimeNs: 1001n * secondNs }
    expect(isOlderVersion(hashedAtOnce, restored)).toBe(false)
    expect(isCutOff(hashedAtOnce, { ...known, sizeBytes: 0 })).toBe(true)
  })
})

describe('names that a power cut has taken', () => {
  const minuteMs = 60_000
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice
  let boot: string

  beforeEach(async () => {
    world = new ReplicaWorld()
    boot = 'first'
    const bootNotes = new MemoryBootNotes(() => boot)
    a = await world.add('alpha', { bootNotes, damageNotes: new MemoryNote() })
    b = await world.add('beta')
    for (let i = 0; i < 20; i++) a.write(`old/${i}`, `old ${i}`)
    await world.clock.pass(3 * minuteMs)
    a.disk.quietly(() => a.disk.syncFileSystem('/'))
  })

  afterEach(() => world.stop())

  /** `alpha` loses its power, with names or without, and starts; its user does something before that. */
  async function loseNames(next: { readonly boot: string; readonly before?: () => void }): Promise<void> {
    a.die()
    a.disk.crash((path) => path.includes('.p2psync'))
    next.before?.()
    ;({ boot } = next)
    await a.start()
    await world.clock.pass(10_000)
  }

  it('are asked for from peers, and not published as deleted', async () => {
    a.write('new', 'saved a moment ago')
    a.write('folder/inside', 'saved with its folder')
    await world.clock.pass(5000)
    expect(b.tree().get('new')).toBe('file saved a moment ago')
    await loseNames({ boot: 'second' })
    for (const device of [a, b]) {
      expect(device.tree().get('new')).toBe('file saved a moment ago')
      expect(device.tree().get('folder/inside')).toBe('file saved with its folder')
    }
    expect(b.history().size).toBe(0)
  })

  it('of a folder that has moved are asked for, beside the old ones that are there again', async () => {
    a.rename('old', 'moved')
    a.write('new', 'saved after that')
    await world.clock.pass(5000)
    expect([b.tree().has('old'), b.tree().get('moved/7')]).toEqual([false, 'file old 7'])
    await loseNames({ boot: 'second' })
    for (const device of [a, b]) {
      expect(device.tree().get('moved/7')).toBe('file old 7')
      expect(device.tree().get('old/7')).toBe('file old 7')
      expect(device.tree().get('new')).toBe('file saved after that')
    }
  })

  it('that no peer has are as if they had never been', async () => {
    world.network.partition(a.id, b.id)
    a.write('new', 'never told')
    await world.clock.pass(5000)
    await loseNames({ boot: 'second' })
    world.network.heal(a.id, b.id)
    await world.rest()
    expect([a.tree().has('new'), b.tree().has('new')]).toEqual([false, false])
    expect(a.replica.index.summary).toEqual(b.replica.index.summary)
  })

  it('are deletions where the system ran on', async () => {
    a.write('new', 'saved a moment ago')
    await world.clock.pass(5000)
    await loseNames({ boot: 'first' })
    expect([a.tree().has('new'), b.tree().has('new')]).toEqual([false, false])
  })

  it('more than a minute before the end were not taken: what is gone was deleted', async () => {
    a.write('new', 'saved long ago')
    await world.clock.pass(3 * minuteMs)
    a.disk.quietly(() => a.disk.syncFileSystem('/'))
    await loseNames({ boot: 'second', before: () => a.disk.unlink('/home/folder/new') })
    expect([a.tree().has('new'), b.tree().has('new')]).toEqual([false, false])
  })

  it('leave an older version there that is repaired, and never published over the newer one', async () => {
    a.save('old/1', 'a newer version of it')
    await world.clock.pass(5000)
    expect(b.tree().get('old/1')).toBe('file a newer version of it')
    await loseNames({ boot: 'second' })
    expect([a.tree().get('old/1'), b.tree().get('old/1')]).toEqual(['file old 1', 'file a newer version of it'])
    await repairOne()
    expect(a.tree().get('old/1')).toBe('file a newer version of it')
    expect(a.history().get([...a.history().keys()].find((path) => path.endsWith('old/1'))!)).toBe('file old 1')
  })

  it.each(['', 'ol'])('leave a longer older version there that is no whole one of "%s"', async (text) => {
    a.write('old/1', text)
    await world.clock.pass(5000)
    await loseNames({ boot: 'second' })
    expect([a.tree().get('old/1'), b.tree().get('old/1')]).toEqual(['file old 1', `file ${text}`])
    await repairOne()
    expect(a.tree().get('old/1')).toBe(`file ${text}`)
  })

  it('but of which it took the bytes alone are repaired at once', async () => {
    a.write('new', 'saved a moment ago')
    await world.clock.pass(5000)
    a.disk.quietly(() => a.disk.syncFolder('/home/folder'))
    await loseNames({ boot: 'second' })
    expect([a.tree().get('new'), b.tree().get('new')]).toEqual(['file ', 'file saved a moment ago'])
    await repairOne()
    expect(a.tree().get('new')).toBe('file saved a moment ago')
  })

  it('are still known to be damaged after another restart', async () => {
    a.write('new', 'saved a moment ago')
    a.save('old/1', 'a newer version of it')
    await world.clock.pass(5000)
    a.disk.quietly(() => a.disk.syncFolder('/home/folder'))
    await loseNames({ boot: 'second' })
    expect([a.tree().get('new'), a.tree().get('old/1')]).toEqual(['file ', 'file old 1'])
    await a.restart()
    await world.clock.pass(10_000)
    const scrub = await scrubOf(world, a)
    await world.clock.run(() => scrub.status().repaired === 2, minuteMs)
    await world.clock.during(scrub.stop())
    expect([a.tree().get('new'), a.tree().get('old/1')]).toEqual([
      'file saved a moment ago',
      'file a newer version of it',
    ])
  })

  it('are none after a kill alone: a file that was emptied while the clock was behind is an edit', async () => {
    a.write('new', 'saved a moment ago')
    await world.clock.pass(5000)
    a.die()
    a.clockOffMs = -20_000
    a.write('new', '')
    await a.start()
    await world.clock.pass(10_000)
    expect([a.tree().get('new'), b.tree().get('new')]).toEqual(['file ', 'file '])
    expect(a.replica.view.status().problems).toEqual([])
  })

  /** What `alpha` knows to be damaged is repaired without being asked for. */
  async function repairOne(): Promise<void> {
    const scrub = await scrubOf(world, a)
    await world.clock.run(() => scrub.status().repaired === 1, minuteMs)
    await world.clock.during(scrub.stop())
  }
})

describe('the note of a boot', () => {
  it('is found again as it was saved, and is none when it is damaged or was never made', async () => {
    const malformed = [
      '',
      '{"boot":"x"',
      '{"boot":"x","epoch":"e","seq":-1,"changedMs":9}',
      '{"boot":"x","epoch":"e","seq":7}',
    ]
    await expectKept(bootNotesIn, { boot: 'x', epoch: 'e', seq: 7, changedMs: 9 }, malformed)
  })

  it('tells one boot from another on Linux, and is the same as long as it lasts', async () => {
    const notes = bootNotesIn('boot.json')
    const boot = await notes.boot()
    expect(boot).toBe(await notes.boot())
    expect(boot === '').toBe(process.platform !== 'linux')
  })
})
