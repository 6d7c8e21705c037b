import { beforeEach, describe, expect, it } from 'vitest'
import type { Disk } from '../../src/ports/disk.ts'
import { codeOf, inRoot, type DiskUnderTest } from './disk-under-test.ts'

/** What every {@link Disk} does with modes and times. */
export function describeMetadata(subject: () => DiskUnderTest): void {
  describe('metadata', () => {
    let disk: Disk
    beforeEach(() => {
      disk = subject().disk
    })
    const { at, put, stateOf } = inRoot(subject)

    it('sets modes by handle and by path, of folders too, but not through a symlink', () => {
      put('file', '')
      disk.makeFolder(at('folder'))
      disk.makeLink(at('link'), 'file')
      const handle = disk.openWrite(at('file'))
      disk.setMode(handle, 0o755)
      disk.close(handle)
      expect(stateOf('file').mode).toBe(0o755)
      disk.setPathMode(at('file'), 0o600)
      disk.setPathMode(at('folder'), 0o700)
      expect([stateOf('file').mode, stateOf('folder').mode]).toEqual([0o600, 0o700])
      expect(codeOf(() => disk.setPathMode(at('link'), 0o777))).toBe('EINVAL')
      expect(codeOf(() => disk.setPathMode(at('none'), 0o777))).toBe('ENOENT')
      expect(stateOf('file').mode).toBe(0o600)
    })

    it('sets times to the microsecond, before 1970 too', () => {
      put('file', '')
      disk.makeLink(at('link'), 'file')
      const handle = disk.openWrite(at('file'))
      for (const ns of [
        0n,
        1_700_000_000_000_000_000n,
        1_763_639_139_123_456_789n,
        999_999_999_999n,
        -1_500_000_000n,
      ]) {
        disk.setMtime(handle, ns)
        disk.setLinkMtime(at('link'), ns)
        for (const path of ['file', 'link']) expect(microsecond(stateOf(path).mtimeNs)).toBe(microsecond(ns))
      }
      disk.close(handle)
    })

    it('moves ctime when the mode, the time or a name changes', () => {
      put('file', '')
      const before = stateOf('file').ctimeNs
      waitForNewTime(disk, at('clock'), before)
      disk.setPathMode(at('file'), 0o640)
      const changed = stateOf('file').ctimeNs
      expect(changed).toBeGreaterThan(before)
      waitForNewTime(disk, at('clock'), changed)
      disk.hardLink(at('file'), at('second'))
      expect(stateOf('file').ctimeNs).toBeGreaterThan(changed)
    })
  })
}

function microsecond(ns: bigint): bigint {
  return BigInt.asIntN(64, ns - (((ns % 1000n) + 1000n) % 1000n)) / 1000n
}

// A kernel's clock for files ticks every few milliseconds.
function waitForNewTime(disk: Disk, path: string, oldNs: bigint): void {
  for (;;) {
    disk.close(disk.create(path, 0o600))
    const entry = disk.lstat(path)
    disk.unlink(path)
    if (entry !== null && entry.kind !== 'other' && entry.ctimeNs > oldNs) return
  }
}
