import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toLookAtAgain } from '../../src/model/disk-state.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import type { FileTasks } from '../../src/ports/file-tasks.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { MemoryBootNotes } from '../twins/memory-boot-notes.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'
import { dayMs, minuteMs, root, scrubbed, newScrub, textOf } from './scrub-world.ts'

describe('what is written through a mapping after its file was hashed, and leaves its times', () => {
  let world: ReplicaWorld
  let alpha: WorldDevice
  let beta: WorldDevice
  /** What the file tasks of alpha were asked to hash, each call in its order. */
  let hashed: string[][]
  let boot: string

  beforeEach(async () => {
    world = new ReplicaWorld()
    hashed = []
    boot = 'first'
    const bootNotes = new MemoryBootNotes(() => boot)
    alpha = await world.add('alpha', { newTasks: (deps) => watched(new DiskFileTasks(deps)), bootNotes })
    beta = await world.add('beta')
  })

  afterEach(() => world.stop())

  function watched(tasks: DiskFileTasks): DiskFileTasks {
    const hash: FileTasks['hash'] = tasks.hash.bind(tasks)
    tasks.hash = (files, telling) => {
      hashed.push(files.map(({ path }) => path))
      return hash(files, telling)
    }
    return tasks
  }

  function writeMapped(path: string, text: string): void {
    alpha.disk.inodeOf(`${root}/${path}`).bytes.set(Buffer.from(text))
  }

  /** Until all have it, and nothing is due but the second look. */
  async function seen(): Promise<void> {
    await world.rest()
    await world.clock.pass(200)
  }

  /** A first write, which sets the times and is seen, and a second one. */
  async function writeTwice(path: string): Promise<void> {
    alpha.write(path, 'first write')
    await seen()
    writeMapped(path, 'other bytes')
  }

  it('is an edit like any other within a minute', async () => {
    await writeTwice('a')
    await world.clock.pass(minuteMs)
    expect((await world.rest()).get('a')).toBe('file other bytes')
    expect([filesOf(alpha.history()), filesOf(beta.history())]).toEqual([[], ['file first write']])
  })

  it('is found in a large file', async () => {
    const text = textOf(300_000)
    alpha.write('a', text)
    await world.rest()
    writeMapped('a', 'other bytes')
    await world.clock.pass(minuteMs)
    expect((await world.rest()).get('a')).toBe(`file other bytes${text.slice(11)}`)
  })

  it('keeps nobody from being in sync, nor from replacing the file at once', async () => {
    await writeTwice('a')
    expect(alpha.replica.view.status().state).toBe('in-sync')
    beta.write('a', 'newer')
    await world.clock.pass(1000)
    expect(filesOf(alpha.tree())).toEqual(['file newer'])
    expect(filesOf(alpha.history())).toEqual(['file other bytes'])
  })

  it.each([
    ['here', () => alpha],
    ['by another device', () => beta],
  ])('is found where its folder was moved %s', async (_, mover) => {
    for (let i = 0; i < 5; i++) alpha.write(`from/${i}`, 'first write')
    await seen()
    const { inode } = alpha.fileState('from/1')!
    mover().rename('from', 'to')
    await world.rest()
    expect(alpha.fileState('to/1')!.inode).toBe(inode)
    writeMapped('to/1', 'other bytes')
    await world.clock.pass(minuteMs)
    expect((await world.rest()).get('to/1')).toBe('file other bytes')
  })

  it('is found where the file has become a conflicted copy', async () => {
    world.network.partition(alpha.id, beta.id)
    beta.write('a', 'written by beta')
    await world.clock.pass(100)
    alpha.write('a', 'first write', { mtimeMs: 1 })
    await world.clock.pass(100)
    world.network.heal()
    const copy = [...(await world.rest()).keys()].find((path) => path !== 'a')!
    writeMapped(copy, 'other bytes')
    await world.clock.pass(minuteMs)
    expect((await world.rest()).get(copy)).toBe('file other bytes')
  })

  it.each([
    ['was stopped', 0, () => alpha.stop()],
    ['was killed', 0, async () => alpha.die()],
    ['was stopped when its clock had been set back', -dayMs, () => alpha.stop()],
  ])('is found by the next start when the node %s', async (_, clockOffMs, end) => {
    alpha.write('other', 'needs no more looks')
    await world.clock.pass(3 * minuteMs)
    alpha.clockOffMs = clockOffMs
    await writeTwice('a')
    await end()
    await alpha.stop()
    writeMapped('a', 'later bytes')
    await world.clock.pass(10 * minuteMs)
    await alpha.start()
    await world.clock.pass(minuteMs)
    expect((await world.rest()).get('a')).toBe('file later bytes')
  })

  it('is damage where the file was at rest before a peer moved it, right before the node was killed', async () => {
    alpha.write('from/a', 'first write')
    await world.clock.pass(3 * minuteMs)
    writeMapped('from/a', 'other bytes')
    beta.rename('from', 'to')
    await world.clock.pass(1000)
    alpha.die()
    await alpha.restart()
    await world.clock.pass(minuteMs)
    expect([alpha, beta].map((device) => device.tree().get('to/a'))).toEqual(['file other bytes', 'file first write'])
  })

  it('is found by the next start after a boot in order', async () => {
    await writeTwice('a')
    await alpha.stop()
    boot = 'second'
    await alpha.start()
    await world.clock.pass(minuteMs)
    expect((await world.rest()).get('a')).toBe('file other bytes')
  })

  it('is damage after a power cut: bytes may be missing, and nobody is told', async () => {
    await writeTwice('a')
    alpha.die()
    boot = 'second'
    await alpha.restart()
    await world.clock.pass(10 * minuteMs)
    expect(beta.tree().get('a')).toBe('file first write')
  })

  it('is none where a power cut is known to have put an older version back', async () => {
    alpha.write('a', 'older bytes')
    await seen()
    const { mtimeNs, ctimeNs } = alpha.fileState('a')!
    await world.clock.pass(minuteMs)
    alpha.write('a', 'newer bytes')
    await seen()
    await alpha.stop()
    writeMapped('a', 'older bytes')
    Object.assign(alpha.disk.inodeOf(`${root}/a`), { mtimeNs, ctimeNs })
    boot = 'second'
    await alpha.start()
    await world.clock.pass(10 * minuteMs)
    expect(beta.tree().get('a')).toBe('file newer bytes')
  })

  it.each([
    ['', 'a', () => undefined],
    [', by a peer that has moved it', 'b', () => beta.rename('a', 'b')],
  ])('is looked for again at the next start as long as it has not been%s', async (_, path, move) => {
    alpha.write('other', 'needs no more looks')
    await seen()
    alpha.write('a', 'first write')
    await seen()
    alpha.disk.setAccess(`${root}/a`, { read: false })
    move()
    await world.clock.pass(3 * minuteMs)
    await alpha.restart()
    alpha.disk.setAccess(`${root}/${path}`, { read: true })
    writeMapped(path, 'other bytes')
    await world.clock.pass(minuteMs)
    expect((await world.rest()).get(path)).toBe('file other bytes')
  })

  it('is looked for after the folder was away', async () => {
    await writeTwice('a')
    alpha.disk.quietly(() => alpha.disk.rename(root, '/away'))
    await world.clock.pass(10 * minuteMs)
    alpha.disk.quietly(() => alpha.disk.rename('/away', root))
    await world.clock.pass(2 * minuteMs)
    expect((await world.rest()).get('a')).toBe('file other bytes')
  })

  it('goes on being looked for where pages are written out late', async () => {
    await writeTwice('a')
    await world.clock.pass(50_000)
    writeMapped('a', 'later bytes')
    await world.clock.pass(50_000)
    expect((await world.rest()).get('a')).toBe('file later bytes')
  })

  it('is no damage before it was looked for', async () => {
    // Nothing is too new for it.
    const clock = world.clock.view(() => dayMs)
    const scrub = newScrub(world, alpha, undefined, clock)
    await scrub.start()
    alpha.write('a', 'first write')
    await seen()
    alpha.disk.setAccess(`${root}/a`, { read: false })
    alpha.disk.setAccess(`${root}/a`, { read: true })
    writeMapped('a', 'other bytes')
    expect(await scrubbed(world, scrub)).toMatchObject({ skipped: 1, damaged: 0 })
    await scrub.stop()
  })

  it('costs one more look at each file, and none at one of a peer, or of long ago', async () => {
    alpha.write('old', 'of long ago')
    await world.clock.pass(minuteMs)
    await alpha.stop()
    alpha.loseDatabase()
    await world.clock.pass(minuteMs)
    await alpha.start()
    beta.write('b', 'of a peer')
    alpha.write('a', 'written here')
    alpha.write('c', 'written here, too')
    await seen()
    beta.write('c', 'and replaced')
    await seen()
    hashed = []
    await world.clock.pass(10 * minuteMs)
    expect(hashed).toEqual([['a']])
  })

  it('is looked for when the file was last written long enough ago', async () => {
    for (let i = 0; i < 5; i++) {
      alpha.write('a', `write ${i}`)
      await world.clock.pass(30_000)
    }
    hashed = []
    await world.clock.pass(5000)
    expect(hashed).toEqual([])
    await world.clock.pass(10_000)
    expect(hashed).toEqual([['a']])
  })

  it('is looked for in portions, and in each large file by itself', async () => {
    for (let i = 0; i < 250; i++) alpha.write(`s/${i}`, `small ${i}`)
    for (const path of ['x', 'y']) alpha.write(path, path.repeat(9 * 1024 * 1024))
    await world.rest()
    await world.clock.pass(10_000)
    hashed = []
    await world.clock.pass(2 * minuteMs)
    expect(hashed.map((paths) => paths.length).sort((a, b) => a - b)).toEqual([1, 1, 50, 200])
  })

  it('is found though a commit has put the state of before the last hash back', async () => {
    alpha.write('a', 'first write')
    await seen()
    await alpha.replica.index.updateDisk([{ path: parseRelativePath('a'), disk: toLookAtAgain(alpha.fileState('a')!) }])
    writeMapped('a', 'other bytes')
    await world.clock.pass(minuteMs)
    expect((await world.rest()).get('a')).toBe('file other bytes')
  })

  it('is looked for in a file whose times tell of a write that no watcher has told of', async () => {
    alpha.write('a', 'first write')
    await seen()
    alpha.isDeaf = true
    alpha.write('a', 'unheard of')
    await world.clock.pass(minuteMs)
    expect((await world.rest()).get('a')).toBe('file unheard of')
  })

  it('is given up in a file that cannot be read for minutes', async () => {
    alpha.write('a', 'first write')
    await seen()
    alpha.disk.setAccess(`${root}/a`, { read: false })
    await world.clock.pass(8 * minuteMs)
    hashed = []
    await world.clock.pass(60 * minuteMs)
    expect(hashed).toEqual([])
  })
})

function filesOf(tree: ReadonlyMap<string, string>): string[] {
  return [...tree.values()].filter((what) => what.startsWith('file'))
}
