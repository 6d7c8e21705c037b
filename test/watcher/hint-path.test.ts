import { describe, expect, it } from 'vitest'

import { NodeDisk } from '../../src/disk/node-disk.ts'
import { hintPath } from '../../src/watcher/hint-path.ts'
import { readQueuedEventsMax } from '../../src/watcher/queued-events-max.ts'
import { explainWatchError, isLimitError } from '../../src/watcher/watch-trouble.ts'
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
    ['/r/a/\uFFFD/b', 'a'],
    ['/r/.p2psync', null],
    ['/r/.P2PSYNC/staging/x', null],
    ['/', null],
    ['/rest/a', null],
  ])('reads %j as %j', (path, hint) => {
    expect(hintPath('/r', path)).toBe(hint)
  })
})

describe('explainWatchError', () => {
  const coded = (code: string): Error => Object.assign(new Error('watch'), { code })
  const limits =
    (values: Readonly<Record<string, number>>) =>
    (path: string): number | null =>
      values[path] ?? null

  it.each([
    ['ENOSPC', '/proc/sys/fs/inotify/max_user_watches', 'fs.inotify.max_user_watches', 1_048_576],
    ['EMFILE', '/proc/sys/fs/inotify/max_user_instances', 'fs.inotify.max_user_instances', 1024],
  ])('on %s names the limit, and the commands that raise it for now and for ever', (code, file, setting, wanted) => {
    const { reason, hint } = explainWatchError(coded(code), { readNumber: limits({ [file]: 123 }) })
    expect(isLimitError(coded(code))).toBe(true)
    expect(reason).toContain(`the limit of 123 is ${setting}`)
    expect(hint).toContain(`sudo sysctl ${setting}=${wanted};`)
    expect(hint).toContain(`echo ${setting}=${wanted} | sudo tee /etc/sysctl.d/60-p2psync.conf`)
  })

  it('never advises less than there is', () => {
    const readNumber = limits({ '/proc/sys/fs/inotify/max_user_watches': 5_000_000 })
    expect(explainWatchError(coded('ENOSPC'), { readNumber }).hint).toContain('max_user_watches=10000000;')
  })

  it('names the limit of a container where that is the lower one', () => {
    const readNumber = limits({
      '/proc/sys/fs/inotify/max_user_watches': 5000,
      '/proc/sys/user/max_inotify_watches': 50,
    })
    expect(explainWatchError(coded('ENOSPC'), { readNumber }).reason).toContain('50 is user.max_inotify_watches')
  })

  it('names the folder that may not be read', () => {
    const { reason } = explainWatchError(coded('EACCES'), { readNumber: limits({}) }, 'a/b')
    expect(reason).toBe('"a/b" cannot be watched: this user may not read it')
  })

  it('passes on what it does not know', () => {
    const { reason } = explainWatchError(new Error('odd'), { readNumber: limits({}) })
    expect(isLimitError(new Error('odd'))).toBe(false)
    expect(reason).toBe('watching failed: odd')
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
