import * as fs from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { describe, expect, it } from 'vitest'

import { AdaptiveWatcher } from '../../src/watcher/adaptive-watcher.ts'
import { realClock, watchFolder, type CollectedHints } from './collected-hints.ts'
import { CountingDisk } from './counting-disk.ts'
import { fastParent, temporaryFolder } from './temporary-folder.ts'

interface Parts {
  readonly folderLevelFrom: number
  readonly queuedEventsMax?: number
  readonly disk?: CountingDisk
}

function inThisThread({
  folderLevelFrom,
  queuedEventsMax = 16_384,
  disk = new CountingDisk(),
}: Parts): AdaptiveWatcher {
  return new AdaptiveWatcher({ queuedEventsMax, clock: realClock, disk, folderLevelFrom })
}

function makeFiles(folder: string, count: number): void {
  fs.mkdirSync(folder, { recursive: true })
  for (let i = 0; i < count; i++) fs.writeFileSync(`${folder}/${i}`, '')
}

async function forOverflow(hints: CollectedHints): Promise<void> {
  await hints.until(
    () => hints.count('overflow') > 0,
    () => 'an overflow',
  )
}

describe('the choice of a watcher', () => {
  // Only the watcher that goes folder by folder asks our disk for watches.
  it.each([
    ['chokidar', 'small', 50, 0],
    ['the folder-level one', 'large', 51, 3],
  ])('is %s for a %s tree', async (_kind, _size, entries, watches) => {
    const disk = new CountingDisk()
    const { root, hints } = await watchFolder(inThisThread({ folderLevelFrom: 53, disk }), (folder) => {
      makeFiles(`${folder}/a/b`, entries)
    })
    expect(disk.openWatches).toBe(watches)
    fs.writeFileSync(`${root}/a/b/x`, 'x')
    await hints.forNoticed('a/b/x')
  })

  it('changes when the tree grows, and nothing is lost meanwhile', async () => {
    const disk = new CountingDisk()
    const { root, hints } = await watchFolder(
      inThisThread({ folderLevelFrom: 200, disk }),
      (folder) => {
        makeFiles(`${folder}/old`, 100)
      },
      fastParent,
    )
    const made: string[] = []
    for (let i = 0; i < 100; i++) {
      makeFiles(`${root}/${i}/b`, 1)
      made.push(`${i}/b/0`)
      await realClock.sleep(1)
    }
    await hints.forNoticed(...made)
    await forOverflow(hints)
    expect(disk.openWatches).toBe(202)
    fs.writeFileSync(`${root}/99/b/later`, 'x')
    await hints.forNoticed('99/b/later')
    expect(hints.count('overflow')).toBe(1)
  })

  it('is refused where there is no folder', async () => {
    const start = inThisThread({ folderLevelFrom: 0 }).start(`${temporaryFolder()}/none`, () => undefined)
    await expect(start).rejects.toMatchObject({ code: 'node-failed' })
  })
})

describe.each([
  ['while the folder-level watcher takes over', 100_000],
  ['while chokidar starts anew', Infinity],
])('an overflow under chokidar, %s', (_kind, folderLevelFrom) => {
  it('is told once, when whatever came since is noticed again', async () => {
    const watcher = inThisThread({ folderLevelFrom, queuedEventsMax: 1000 })
    const { root, hints } = await watchFolder(watcher, undefined, fastParent)
    // Blocks the loop until more events wait than half of what the queue is said to hold.
    for (let i = 0; i < 600; i++) fs.writeFileSync(`${root}/${i}`, '')
    await forOverflow(hints)
    fs.mkdirSync(`${root}/a/b`, { recursive: true })
    fs.writeFileSync(`${root}/a/b/c`, 'x')
    await hints.forNoticed('a/b/c')
    expect(hints.count('overflow')).toBe(1)
  })

  it('does no harm when the watcher is stopped meanwhile', async () => {
    const watcher = inThisThread({ folderLevelFrom, queuedEventsMax: 100 })
    const { root, hints } = await watchFolder(watcher, undefined, fastParent)
    for (let i = 0; i < 100; i++) fs.writeFileSync(`${root}/${i}`, '')
    await hints.until(
      () => hints.all.length > 0,
      () => 'a hint',
    )
    await watcher.stop()
    hints.clear()
    fs.writeFileSync(`${root}/later`, '')
    await nextTurn()
    expect(hints.all).toEqual([])
  })

  it('is not seen in an ordinary burst', async () => {
    const { root, hints } = await watchFolder(inThisThread({ folderLevelFrom }), undefined, fastParent)
    for (let i = 0; i < 600; i++) fs.writeFileSync(`${root}/${i}`, '')
    await hints.forNoticed(...Array.from({ length: 600 }, (_, i) => String(i)))
    expect(hints.count('overflow')).toBe(0)
  })
})
