import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { describe, expect, it } from 'vitest'

import { WorkerFolderWatcher } from '../../src/watcher/worker-folder-watcher.ts'
import { watchFolder } from './collected-hints.ts'
import { fastParent, temporaryFolder } from './temporary-folder.ts'

/** Both ways of watching keep the same promises. */
const kinds = [
  ['chokidar', Infinity],
  ['folder by folder', 0],
] as const

describe.each(kinds)('WorkerFolderWatcher, %s', (_kind, folderLevelFrom) => {
  function inWorker(): WorkerFolderWatcher {
    return new WorkerFolderWatcher({ queuedEventsMax: 16_384, folderLevelFrom })
  }

  it('hints at files that are made, changed, made executable, and removed', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) => {
      for (const name of ['changed', 'mode', 'gone', 'same']) fs.writeFileSync(`${folder}/${name}`, 'x')
    })
    fs.writeFileSync(`${root}/made`, 'x')
    fs.appendFileSync(`${root}/changed`, 'y')
    fs.chmodSync(`${root}/mode`, 0o755)
    fs.rmSync(`${root}/gone`)
    await hints.forNoticed('made', 'changed', 'mode', 'gone')
    expect(hints.noticed.has('same')).toBe(false)
  })

  it('hints at an edit that leaves size and time as they were', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) => fs.writeFileSync(`${folder}/a`, 'x'))
    const { atimeMs, mtimeMs } = fs.statSync(`${root}/a`)
    fs.writeFileSync(`${root}/a`, 'y')
    fs.utimesSync(`${root}/a`, atimeMs / 1000, mtimeMs / 1000)
    await hints.forNoticed('a')
  })

  it('hints at both names of a renamed file', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) => fs.writeFileSync(`${folder}/old`, 'x'))
    fs.renameSync(`${root}/old`, `${root}/new`)
    await hints.forNoticed('old', 'new')
  })

  it('hints at both names of a renamed folder, and at what happens in it later', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) => {
      fs.mkdirSync(`${folder}/old/sub`, { recursive: true })
      fs.writeFileSync(`${folder}/old/sub/file`, 'x')
    })
    fs.renameSync(`${root}/old`, `${root}/new`)
    await hints.forNoticed('old', 'new', 'new/sub/file')
    fs.writeFileSync(`${root}/new/sub/later`, 'y')
    await hints.forNoticed('new/sub/later')
  })

  it('misses nothing that is made in folders that are new themselves', async () => {
    const { root, hints } = await watchFolder(inWorker())
    for (let i = 0; i < 20; i++) {
      fs.mkdirSync(`${root}/${i}/b/c`, { recursive: true })
      fs.writeFileSync(`${root}/${i}/b/c/file`, 'x')
    }
    await hints.forNoticed(...Array.from({ length: 20 }, (_, i) => `${i}/b/c/file`))
  })

  it('hints at what happens in a folder that took the place of a file', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) => {
      fs.mkdirSync(`${folder}/sub`)
      fs.writeFileSync(`${folder}/sub/a`, 'x')
    })
    fs.rmSync(`${root}/sub/a`)
    fs.mkdirSync(`${root}/sub/a`)
    await hints.forNoticed('sub/a')
    fs.writeFileSync(`${root}/mark`, 'x')
    await hints.forNoticed('mark')
    fs.writeFileSync(`${root}/sub/a/later`, 'x')
    await hints.forNoticed('sub/a/later')
  })

  it('hints at the target of a save by rename', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) => fs.writeFileSync(`${folder}/text`, 'old'))
    fs.writeFileSync(`${root}/.text.tmp`, 'new')
    fs.renameSync(`${root}/.text.tmp`, `${root}/text`)
    await hints.forNoticed('text')
  })

  it('hints at names that editors use for themselves', async () => {
    const { root, hints } = await watchFolder(inWorker())
    const names = ['x~', '.x.swp', '.subl1.tmp', '4913', 'a\\b', 'with space', 'ü', '😀', '-']
    for (const name of names) fs.writeFileSync(`${root}/${name}`, 'x')
    await hints.forNoticed(...names)
  })

  it('hints at the folder that holds a name not in NFC', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) => fs.mkdirSync(`${folder}/a`))
    fs.writeFileSync(`${root}/a/e\u0301`, 'x')
    await hints.forNoticed('a')
  })

  it('hints at links, and never at what they point to', async () => {
    const outside = temporaryFolder()
    const { root, hints } = await watchFolder(inWorker(), (folder) => fs.symlinkSync(outside, `${folder}/link`))
    fs.writeFileSync(`${outside}/x`, 'x')
    fs.symlinkSync('nowhere', `${root}/other`)
    await hints.until(
      () => hints.noticed.has('other'),
      () => 'other',
    )
    expect([...hints.noticed].filter((path) => path.startsWith('link'))).toEqual([])
  })

  it('says nothing of its own folder', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) =>
      fs.mkdirSync(`${folder}/.p2psync/staging`, { recursive: true }),
    )
    fs.writeFileSync(`${root}/.p2psync/staging/x`, 'x')
    fs.mkdirSync(`${root}/.p2psync/history`)
    fs.writeFileSync(`${root}/after`, 'x')
    await hints.until(
      () => hints.noticed.has('after'),
      () => 'after',
    )
    expect([...hints.noticed].filter((path) => path.includes('p2psync'))).toEqual([])
  })

  it('loses nothing while the thread that asked is busy', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) => fs.mkdirSync(`${folder}/many`), fastParent)
    // Done before any event can reach this thread.
    execFileSync('sh', ['-c', `cd "${root}/many" && for i in $(seq 3000); do : > $i; done`])
    await hints.forNoticed(...Array.from({ length: 3000 }, (_, i) => `many/${i + 1}`))
  })

  it('says nothing after it was stopped', async () => {
    const watcher = inWorker()
    const { root, hints } = await watchFolder(watcher)
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

  it('hints at the folder that holds a name not in UTF-8', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) => fs.mkdirSync(`${folder}/a`))
    fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from([0x78, 0xff])]), 'x')
    await hints.until(
      () => hints.paths().has('a'),
      () => 'a',
    )
    expect([...hints.paths()]).toEqual(['a'])
  })

  it('notices what comes after a folder was removed and made anew, again and again', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) =>
      fs.mkdirSync(`${folder}/a/b`, { recursive: true }),
    )
    for (let i = 0; i < 5; i++) {
      fs.rmSync(`${root}/a`, { recursive: true })
      fs.mkdirSync(`${root}/a/b`, { recursive: true })
    }
    await hints.forNoticed('a', 'a/b')
    fs.writeFileSync(`${root}/a/b/late`, 'x')
    await hints.forNoticed('a/b/late')
  })

  it('says that the root is to be looked at when it was moved away', async () => {
    const { root, hints } = await watchFolder(inWorker(), (folder) => fs.writeFileSync(`${folder}/a`, 'x'))
    fs.renameSync(root, `${root}-elsewhere`)
    await hints.until(
      () => hints.paths().has(''),
      () => 'the root',
    )
    expect(hints.count('failed')).toBe(0)
    fs.renameSync(`${root}-elsewhere`, root)
  })
})
