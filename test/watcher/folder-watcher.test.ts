import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

import { describe, expect, it, onTestFinished } from 'vitest'

import type { FolderWatcher, WatchHint } from '../../src/ports/folder-watcher.ts'
import { ChokidarWatcher } from '../../src/watcher/chokidar-watcher.ts'
import { WorkerFolderWatcher } from '../../src/watcher/worker-folder-watcher.ts'
import { temporaryFolder } from './temporary-folder.ts'

const waitMsMax = 15_000

/** Collects hints, and waits for some of them. */
class Hints {
  readonly all: WatchHint[] = []

  readonly add = (hint: WatchHint): void => {
    this.all.push(hint)
  }

  paths(): Set<string> {
    return new Set(this.all.flatMap((hint) => (hint.type === 'paths' ? hint.paths : [])))
  }

  /** Resolves once each of `paths` was hinted at. */
  async forPaths(...paths: readonly string[]): Promise<void> {
    await this.until(
      () => paths.every((path) => this.paths().has(path)),
      () => paths.filter((path) => !this.paths().has(path)).join(', '),
    )
    expect([...this.paths()]).toEqual(expect.arrayContaining([...paths]))
  }

  async until(isThere: () => boolean, what: () => string): Promise<void> {
    const end = performance.now() + waitMsMax
    while (!isThere()) {
      if (performance.now() > end) throw new Error(`waited in vain for ${what()}`)
      await sleep(5)
    }
  }
}

async function watch(
  prepare?: (root: string) => void,
  watcher: FolderWatcher = inWorker(),
): Promise<{ root: string; hints: Hints }> {
  const root = temporaryFolder()
  prepare?.(root)
  const hints = new Hints()
  onTestFinished(() => watcher.stop())
  await watcher.start(root, hints.add)
  return { root, hints }
}

function inWorker(): WorkerFolderWatcher {
  return new WorkerFolderWatcher({ queuedEventsMax: 16_384 })
}

describe('WorkerFolderWatcher', () => {
  it('hints at files that are made, changed, made executable, and removed', async () => {
    const { root, hints } = await watch((folder) => {
      for (const name of ['changed', 'mode', 'gone', 'same']) fs.writeFileSync(`${folder}/${name}`, 'x')
    })
    fs.writeFileSync(`${root}/made`, 'x')
    fs.appendFileSync(`${root}/changed`, 'y')
    fs.chmodSync(`${root}/mode`, 0o755)
    fs.rmSync(`${root}/gone`)
    await hints.forPaths('made', 'changed', 'mode', 'gone')
    expect(hints.paths().has('same')).toBe(false)
  })

  it('hints at an edit that leaves size and time as they were', async () => {
    const { root, hints } = await watch((folder) => fs.writeFileSync(`${folder}/a`, 'x'))
    const { atimeMs, mtimeMs } = fs.statSync(`${root}/a`)
    fs.writeFileSync(`${root}/a`, 'y')
    fs.utimesSync(`${root}/a`, atimeMs / 1000, mtimeMs / 1000)
    await hints.forPaths('a')
  })

  it('hints at both names of a renamed file', async () => {
    const { root, hints } = await watch((folder) => fs.writeFileSync(`${folder}/old`, 'x'))
    fs.renameSync(`${root}/old`, `${root}/new`)
    await hints.forPaths('old', 'new')
  })

  it('hints at both names of a renamed folder, and at what happens in it later', async () => {
    const { root, hints } = await watch((folder) => {
      fs.mkdirSync(`${folder}/old/sub`, { recursive: true })
      fs.writeFileSync(`${folder}/old/sub/file`, 'x')
    })
    fs.renameSync(`${root}/old`, `${root}/new`)
    await hints.forPaths('old', 'new', 'new/sub/file')
    fs.writeFileSync(`${root}/new/sub/later`, 'y')
    await hints.forPaths('new/sub/later')
  })

  it('misses nothing that is made in folders that are new themselves', async () => {
    const { root, hints } = await watch()
    for (let i = 0; i < 20; i++) {
      fs.mkdirSync(`${root}/${i}/b/c`, { recursive: true })
      fs.writeFileSync(`${root}/${i}/b/c/file`, 'x')
    }
    await hints.forPaths(...Array.from({ length: 20 }, (_, i) => `${i}/b/c/file`))
  })

  it('hints at the target of a save by rename', async () => {
    const { root, hints } = await watch((folder) => fs.writeFileSync(`${folder}/text`, 'old'))
    fs.writeFileSync(`${root}/.text.tmp`, 'new')
    fs.renameSync(`${root}/.text.tmp`, `${root}/text`)
    await hints.forPaths('text')
  })

  it('hints at names that editors use for themselves', async () => {
    const { root, hints } = await watch()
    const names = ['x~', '.x.swp', '.subl1.tmp', '4913', 'a\\b', 'with space', 'ü', '😀', '-']
    for (const name of names) fs.writeFileSync(`${root}/${name}`, 'x')
    await hints.forPaths(...names)
  })

  it('hints at the folder that holds a name not in NFC', async () => {
    const { root, hints } = await watch((folder) => fs.mkdirSync(`${folder}/a`))
    fs.writeFileSync(`${root}/a/e\u0301`, 'x')
    await hints.forPaths('a')
  })

  it('hints at links, and never at what they point to', async () => {
    const outside = temporaryFolder()
    const { root, hints } = await watch((folder) => fs.symlinkSync(outside, `${folder}/link`))
    fs.writeFileSync(`${outside}/x`, 'x')
    fs.symlinkSync('nowhere', `${root}/other`)
    await hints.until(
      () => hints.paths().has('other'),
      () => 'other',
    )
    expect([...hints.paths()].filter((path) => path.startsWith('link'))).toEqual([])
  })

  it('says nothing of its own folder', async () => {
    const { root, hints } = await watch((folder) => fs.mkdirSync(`${folder}/.p2psync/staging`, { recursive: true }))
    fs.writeFileSync(`${root}/.p2psync/staging/x`, 'x')
    fs.mkdirSync(`${root}/.p2psync/history`)
    fs.writeFileSync(`${root}/after`, 'x')
    await hints.until(
      () => hints.paths().has('after'),
      () => 'after',
    )
    expect([...hints.paths()].filter((path) => path.includes('p2psync'))).toEqual([])
  })

  it('loses nothing while the thread that asked is busy', async () => {
    const { root, hints } = await watch((folder) => fs.mkdirSync(`${folder}/many`))
    // Done before any event can reach this thread.
    execFileSync('sh', ['-c', `cd "${root}/many" && for i in $(seq 3000); do : > $i; done`])
    await hints.forPaths(...Array.from({ length: 3000 }, (_, i) => `many/${i + 1}`))
  })

  it('says nothing after it was stopped', async () => {
    const watcher = inWorker()
    const { root, hints } = await watch(undefined, watcher)
    await watcher.stop()
    fs.writeFileSync(`${root}/a`, 'x')
    await nextTurn()
    expect(hints.all).toEqual([])
  })

  it('gives up starting when it is stopped meanwhile', async () => {
    const watcher = inWorker()
    const started = watcher.start(temporaryFolder(), () => undefined)
    await Promise.all([expect(started).rejects.toMatchObject({ code: 'node-failed' }), watcher.stop()])
  })
})

describe('ChokidarWatcher', () => {
  function inThisThread(queuedEventsMax: number): ChokidarWatcher {
    const clock = {
      sleep: (milliseconds: number, signal?: AbortSignal) =>
        sleep(milliseconds, undefined, signal === undefined ? {} : { signal }),
    }
    return new ChokidarWatcher({ queuedEventsMax, clock })
  }

  it('takes very many events in one turn for an overflow', async () => {
    const { root, hints } = await watch(undefined, inThisThread(1000))
    // Blocks the loop until more events wait than half of what the queue is said to hold.
    for (let i = 0; i < 600; i++) fs.writeFileSync(`${root}/${i}`, '')
    await hints.until(
      () => hints.all.some(({ type }) => type === 'overflow'),
      () => 'an overflow',
    )
    expect(hints.all.some(({ type }) => type === 'overflow')).toBe(true)
  })

  it('watches folders anew after an overflow, and says when what it missed meanwhile is to be looked at', async () => {
    const { root, hints } = await watch(undefined, inThisThread(1000))
    for (let i = 0; i < 600; i++) fs.writeFileSync(`${root}/${i}`, '')
    const overflows = (): number => hints.all.filter(({ type }) => type === 'overflow').length
    await hints.until(
      () => overflows() === 2,
      () => 'a second overflow',
    )
    fs.mkdirSync(`${root}/a/b`, { recursive: true })
    fs.writeFileSync(`${root}/a/b/c`, 'x')
    await hints.forPaths('a/b/c')
    expect(overflows()).toBe(2)
  })

  it('is stopped while it starts anew', async () => {
    const watcher = inThisThread(100)
    const { root, hints } = await watch(undefined, watcher)
    for (let i = 0; i < 100; i++) fs.writeFileSync(`${root}/${i}`, '')
    await hints.until(
      () => hints.all.length > 0,
      () => 'a hint',
    )
    await watcher.stop()
    hints.all.length = 0
    fs.writeFileSync(`${root}/later`, '')
    await nextTurn()
    expect(hints.all).toEqual([])
  })

  it('does not take an ordinary burst for one', async () => {
    const { root, hints } = await watch(undefined, inThisThread(16_384))
    for (let i = 0; i < 600; i++) fs.writeFileSync(`${root}/${i}`, '')
    await hints.until(
      () => hints.paths().size >= 600,
      () => '600 paths',
    )
    expect(hints.all.some(({ type }) => type === 'overflow')).toBe(false)
  })
})
