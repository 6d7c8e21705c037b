import { describe, expect, it } from 'vitest'

import { NodeDisk } from '../../src/disk/node-disk.ts'
import { hintPath } from '../../src/watcher/hint-path.ts'
import { readQueuedEventsMax } from '../../src/watcher/queued-events-max.ts'
import { explainWatchError } from '../../src/watcher/watch-trouble.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'

describe('hintPath', () => {
  it.each([
    ['/r', ''],
    ['/r/a/b', 'a/b'],
    ['/r/ü', 'ü'],
    ['/r/.p2psync.txt', '.p2psync.txt'],
    ['/r/a/.p2psync', 'a/.p2psync'],
    ['/r/a/u\u0308/b', 'a'],
    ['/r/u\u0308', ''],
    ['/r/.p2psync', null],
    ['/r/.P2PSYNC/staging/x', null],
    ['/', null],
    ['/rest/a', null],
  ])('reads %j as %j', (path, hint) => {
    expect(hintPath('/r', path)).toBe(hint)
  })
})

describe('explainWatchError', () => {
  it.each([
    ['ENOSPC', 'fs.inotify.max_user_watches'],
    ['EMFILE', 'fs.inotify.max_user_instances'],
  ])('says which limit to raise on %s', (code, setting) => {
    const trouble = explainWatchError(Object.assign(new Error('watch'), { code }))
    expect(trouble.isLimit).toBe(true)
    expect(trouble.hint).toContain(setting)
  })

  it('passes on what it does not know', () => {
    expect(explainWatchError(new Error('odd'))).toMatchObject({ isLimit: false, reason: 'watching failed: odd' })
  })
})

describe('readQueuedEventsMax', () => {
  it('reads what the kernel says', () => {
    const disk = new MemoryDisk()
    disk.writeFile('/proc/sys/fs/inotify/max_queued_events', '123\n')
    expect(readQueuedEventsMax(disk)).toBe(123)
    expect(disk.openHandles).toBe(0)
    expect(readQueuedEventsMax(new NodeDisk())).toBeGreaterThan(0)
  })

  it('falls back to the default', () => {
    const disk = new MemoryDisk()
    expect(readQueuedEventsMax(disk)).toBe(16_384)
    disk.writeFile('/proc/sys/fs/inotify/max_queued_events', 'many')
    expect(readQueuedEventsMax(disk)).toBe(16_384)
  })
})
