import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'

import { describe, expect, it } from 'vitest'

import { AdaptiveWatcher } from '../../src/watcher/adaptive-watcher.ts'
import { WorkerFolderWatcher } from '../../src/watcher/worker-folder-watcher.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { realClock, watchFolder, type CollectedHints } from './collected-hints.ts'
import { CountingDisk } from './counting-disk.ts'
import { fastParent, temporaryFolder } from './temporary-folder.ts'

function inWorker(): WorkerFolderWatcher {
  return new WorkerFolderWatcher({ queuedEventsMax: 16_384, folderLevelFrom: 0 })
}

function inThisThread(disk = new CountingDisk(), queuedEventsMax = 16_384): AdaptiveWatcher {
  return new AdaptiveWatcher({ queuedEventsMax, clock: realClock, disk, folderLevelFrom: 0 })
}

function makeFiles(folder: string, count: number): void {
  fs.mkdirSync(folder, { recursive: true })
  for (let i = 0; i < count; i++) fs.writeFileSync(`${folder}/${i}`, '')
}

async function forWatches(hints: CollectedHints, disk: CountingDisk, count: number): Promise<void> {
  await hints.until(
    () => disk.openWatches === count,
    () => `${count} watches: there are ${disk.openWatches}`,
  )
  expect(disk.openWatches).toBe(count)
}

describe('a folder that moves', () => {
  it('is told as its two names in one hint, however much is in it, and keeps being watched', async () => {
    const disk = new CountingDisk()
    const { root, hints } = await watchFolder(
      inThisThread(disk),
      (folder) => {
        for (let i = 0; i < 20; i++) makeFiles(`${folder}/old/sub-${i}`, 500)
        fs.mkdirSync(`${folder}/other`)
      },
      fastParent,
    )
    fs.renameSync(`${root}/old`, `${root}/other/new`)
    await hints.forNoticed('old', 'other/new')
    fs.writeFileSync(`${root}/other/new/sub-7/later`, 'x')
    await hints.forNoticed('other/new/sub-7/later')
    expect(hints.all).toEqual([
      { type: 'paths', paths: ['old', 'other/new'] },
      { type: 'paths', paths: ['other/new/sub-7/later'] },
    ])
    expect(disk.openWatches).toBe(23)
  })

  it('is told in one hint as well from the thread that watches', async () => {
    const { root, hints } = await watchFolder(
      inWorker(),
      (folder) => makeFiles(`${folder}/old/sub`, 10_000),
      fastParent,
    )
    fs.renameSync(`${root}/old`, `${root}/new`)
    await hints.forNoticed('old', 'new', 'new/sub/9999')
    expect(hints.all).toEqual([{ type: 'paths', paths: ['old', 'new'] }])
    for (let i = 0; i < 20; i++) fs.appendFileSync(`${root}/new/sub/${i}`, 'x')
    await hints.forNoticed(...Array.from({ length: 20 }, (_, i) => `new/sub/${i}`))
    expect([...hints.paths()].filter((path) => path.startsWith('old/'))).toEqual([])
  })

  it('moves on at once, and changes places with another', async () => {
    const { root, hints } = await watchFolder(inThisThread(), (folder) => {
      makeFiles(`${folder}/a/in-a`, 1)
      makeFiles(`${folder}/b/in-b`, 1)
    })
    for (const [from, to] of [
      ['a', 'c'],
      ['b', 'a'],
      ['c', 'd'],
      ['d', 'b'],
    ] as const) {
      fs.renameSync(`${root}/${from}`, `${root}/${to}`)
    }
    await hints.forNoticed('a', 'b', 'a/in-b', 'b/in-a')
    hints.clear()
    fs.writeFileSync(`${root}/a/in-b/x`, 'x')
    fs.writeFileSync(`${root}/b/in-a/y`, 'x')
    await hints.forNoticed('a/in-b/x', 'b/in-a/y')
    expect(hints.paths()).toEqual(new Set(['a/in-b/x', 'b/in-a/y']))
  })

  it('is watched no longer when it left the tree', async () => {
    const disk = new CountingDisk()
    const outside = temporaryFolder(fastParent)
    const { root, hints } = await watchFolder(
      inThisThread(disk),
      (folder) => makeFiles(`${folder}/a/b/c`, 1),
      fastParent,
    )
    fs.renameSync(`${root}/a`, `${outside}/a`)
    await hints.forNoticed('a')
    await forWatches(hints, disk, 1)
    hints.clear()
    fs.writeFileSync(`${outside}/a/b/c/x`, 'x')
    fs.writeFileSync(`${root}/after`, 'x')
    await hints.forNoticed('after')
    expect(hints.paths()).toEqual(new Set(['after']))
  })

  it('is noticed with all that is in it when it came from elsewhere', async () => {
    const disk = new CountingDisk()
    const outside = temporaryFolder(fastParent)
    for (let i = 0; i < 700; i++) makeFiles(`${outside}/a/${i}/b`, 1)
    const { root, hints } = await watchFolder(inThisThread(disk), undefined, fastParent)
    fs.renameSync(`${outside}/a`, `${root}/a`)
    await hints.forNoticed(...Array.from({ length: 700 }, (_, i) => `a/${i}/b/0`))
    await forWatches(hints, disk, 1402)
    hints.clear()
    for (let i = 0; i < 700; i += 100) fs.writeFileSync(`${root}/a/${i}/b/late`, 'x')
    await hints.forNoticed('a/0/b/late', 'a/600/b/late')
  })
})

it('hints at a new folder again when all in it is watched, for what came between the first hint and the last watch', async () => {
  const disk = new CountingDisk()
  const outside = temporaryFolder(fastParent)
  for (let i = 0; i < 700; i++) makeFiles(`${outside}/a/${i}`, 1)
  const { root, hints } = await watchFolder(inThisThread(disk), undefined, fastParent)
  let sneaked: string | null = null
  disk.onWatch = (path) => {
    if (sneaked !== null || !hints.noticed.has('a/0/0')) return
    sneaked = `${path.slice(root.length + 1)}/sneaked`
    fs.writeFileSync(`${root}/${sneaked}`, 'x')
  }
  fs.renameSync(`${outside}/a`, `${root}/a`)
  await hints.until(
    () => sneaked !== null,
    () => 'a watch that is made after the first hint',
  )
  await hints.forNoticed(sneaked ?? '')
  expect([...hints.paths()]).toEqual(['a'])
})

describe('a folder that is not what it was', () => {
  it('is not followed when a link takes its place', async () => {
    const disk = new CountingDisk()
    const outside = temporaryFolder(fastParent)
    const { root, hints } = await watchFolder(inThisThread(disk), (folder) => makeFiles(`${folder}/a/b`, 1))
    fs.rmSync(`${root}/a`, { recursive: true })
    fs.symlinkSync(outside, `${root}/a`)
    await hints.forNoticed('a')
    await forWatches(hints, disk, 1)
    hints.clear()
    fs.mkdirSync(`${outside}/b`)
    fs.writeFileSync(`${outside}/b/x`, 'x')
    fs.writeFileSync(`${root}/after`, 'x')
    await hints.forNoticed('after')
    expect(hints.paths()).toEqual(new Set(['after']))
  })

  it('may vanish while it is being added', async () => {
    const disk = new CountingDisk()
    const { root, hints } = await watchFolder(inThisThread(disk))
    for (let i = 0; i < 300; i++) {
      makeFiles(`${root}/${i}/b`, 1)
      if (i % 2 === 0) fs.rmSync(`${root}/${i}`, { recursive: true })
      if (i % 7 === 0) await realClock.sleep(1)
    }
    await hints.forNoticed(...Array.from({ length: 150 }, (_, i) => `${2 * i + 1}/b/0`))
    await forWatches(hints, disk, 301)
    expect(hints.count('failed')).toBe(0)
  })

  it('may be the root, removed and put back', async () => {
    const disk = new CountingDisk()
    const { root, hints } = await watchFolder(inThisThread(disk), (folder) => makeFiles(`${folder}/a/b`, 1))
    fs.rmSync(root, { recursive: true })
    await hints.forNoticed('')
    await forWatches(hints, disk, 0)
    hints.clear()
    makeFiles(`${root}/c/d`, 1)
    await hints.forNoticed('', 'c/d/0')
    hints.clear()
    fs.writeFileSync(`${root}/c/d/later`, 'x')
    await hints.forNoticed('c/d/later')
    expect(disk.openWatches).toBe(3)
  })
})

describe('very many events', () => {
  it('are lost by nobody while the thread that asked is blocked', async () => {
    const prepare = (folder: string): void => fs.mkdirSync(`${folder}/many`)
    const { root, hints } = await watchFolder(inWorker(), prepare, fastParent)
    execFileSync('sh', ['-c', `cd "${root}/many" && seq 30000 | split -l 1 -a 4 - f`])
    const names = fs.readdirSync(`${root}/many`)
    expect(names).toHaveLength(30_000)
    await hints.forNoticed(...names.map((name) => `many/${name}`))
  })

  it('are told as one overflow when the queue ran over, after which nothing is missed that was made meanwhile', async () => {
    const disk = new CountingDisk()
    const prepare = (folder: string): void => makeFiles(`${folder}/gone/b`, 1)
    const { root, hints } = await watchFolder(inThisThread(disk), prepare, fastParent)
    // This thread takes no event before the kernel's queue has run over.
    for (let i = 0; i < 10_000; i++) {
      fs.writeFileSync(`${root}/flag`, '')
      fs.rmSync(`${root}/flag`)
    }
    fs.rmSync(`${root}/gone`, { recursive: true })
    makeFiles(`${root}/new/b`, 1)
    await hints.until(
      () => hints.count('overflow') > 0,
      () => 'an overflow',
    )
    await forWatches(hints, disk, 3)
    await hints.forNoticed('new/b/0')
    fs.writeFileSync(`${root}/new/b/later`, 'x')
    await hints.forNoticed('new/b/later')
    expect(hints.count('overflow')).toBe(1)
  })
})

describe('a system without enough watches', () => {
  it('keeps those there are, says once what to do, and watches all when there are enough again', async () => {
    const disk = new CountingDisk()
    const clock = new ManualClock()
    disk.watchesMax = 5
    const watcher = new AdaptiveWatcher({ queuedEventsMax: 16_384, clock, disk, folderLevelFrom: 0 })
    const { root, hints } = await watchFolder(watcher, (folder) => {
      for (let i = 0; i < 10; i++) makeFiles(`${folder}/${i}/b`, 1)
    })
    const pass = async (isThere: () => boolean): Promise<void> => {
      for (let i = 0; i < 500 && !isThere(); i++) {
        await clock.advance(20)
        await realClock.sleep(1)
      }
    }
    fs.writeFileSync(`${root}/x`, 'x')
    fs.mkdirSync(`${root}/y`)
    await pass(() => hints.noticed.has('x') && hints.noticed.has('y'))
    expect(disk.openWatches).toBe(5)
    expect([...hints.paths()]).toEqual(['x', 'y'])
    expect(hints.all.filter(({ type }) => type === 'failed')).toHaveLength(1)
    expect(hints.all.map((hint) => (hint.type === 'failed' ? hint.hint : '')).join('')).toMatch(
      /sudo sysctl fs\.inotify\.max_user_watches=\d+;/,
    )
    disk.watchesMax = 100
    await clock.advance(60_000)
    await pass(() => hints.count('overflow') > 0)
    expect([hints.count('recovered'), hints.count('overflow')]).toEqual([1, 1])
    expect(disk.openWatches).toBe(22)
    // So that the queue comes to its end.
    await clock.advance(100)
  })

  it('refuses to start when there is no watch at all', async () => {
    const disk = new CountingDisk()
    disk.watchesMax = 0
    await expect(inThisThread(disk).start(temporaryFolder(), () => undefined)).rejects.toMatchObject({ code: 'limit' })
  })
})

it('says which folder may not be read, watches the others, and tries again when its permissions are others', async () => {
  const disk = new CountingDisk()
  disk.forbidden = '/closed'
  const { root, hints } = await watchFolder(inThisThread(disk), (folder) => {
    makeFiles(`${folder}/closed/b`, 1)
    makeFiles(`${folder}/open`, 1)
  })
  fs.writeFileSync(`${root}/open/x`, 'x')
  await hints.forNoticed('open/x')
  expect(hints.all.map((hint) => (hint.type === 'failed' ? hint.reason : '')).join('')).toContain('"closed"')
  disk.forbidden = null
  fs.chmodSync(`${root}/closed`, 0o700)
  await forWatches(hints, disk, 4)
  fs.writeFileSync(`${root}/closed/b/x`, 'x')
  await hints.forNoticed('closed/b/x')
})
