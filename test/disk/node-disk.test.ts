import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashFiles } from '../../src/blocks/hash-file.ts'
import { mtimeSeconds } from '../../src/disk/mtime-seconds.ts'
import { NodeDisk } from '../../src/disk/node-disk.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { describeDisk } from './disk-contract.ts'
import { codeOf } from './disk-under-test.ts'

const makeRoot = () => fs.mkdtempSync(join(tmpdir(), 'p2psync-disk-'))

describeDisk('NodeDisk', () => {
  const root = makeRoot()
  return { disk: new NodeDisk(), root, dispose: () => fs.rmSync(root, { recursive: true }) }
})

function withRoot(act: (root: string, disk: NodeDisk) => void): void {
  const root = makeRoot()
  try {
    act(root, new NodeDisk())
  } finally {
    fs.rmSync(root, { recursive: true })
  }
}

describe.runIf(process.platform === 'linux')('NodeDisk on Linux', () => {
  it('tells one file system from another, by what is there and not what a link points to', () => {
    withRoot((root, disk) => {
      fs.mkdirSync(`${root}/folder`)
      fs.symlinkSync('/proc', `${root}/link`)
      const own = disk.fileSystemAt(root)
      expect([disk.fileSystemAt(`${root}/folder`), disk.fileSystemAt(`${root}/link`)]).toEqual([own, own])
      expect(disk.fileSystemAt('/proc')).not.toBe(own)
      expect(disk.fileSystemAt(`${root}/none`)).toBeNull()
    })
  })

  it('gives a name that is not UTF-8 as null, beside those that are', () => {
    withRoot((root, disk) => {
      fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/bad-`), Buffer.from([0xff, 0xc3])]), '')
      fs.writeFileSync(`${root}/good é`, '')
      fs.writeFileSync(`${root}/replaced \uFFFD`, '')
      const names = disk.readFolder(root).map((entry) => entry.name)
      expect(new Set(names)).toEqual(new Set([null, 'good é', 'replaced \uFFFD']))
      expect(names.length).toBe(3)
    })
  })

  it.runIf(fs.existsSync('/dev/shm'))('tells times that a file system keeps and no record can as far ones', () => {
    const root = fs.mkdtempSync('/dev/shm/p2psync-disk-')
    try {
      const times = ['-9007199254740993', '9007199254740993'].map((seconds) => {
        execFileSync('touch', ['-d', `@${seconds}`, `${root}/file`])
        const entry = new NodeDisk().lstat(`${root}/file`)
        return entry?.kind === 'file' ? entry.mtimeNs : null
      })
      expect(times).toEqual([1n - 2n ** 71n, 2n ** 71n - 1n])
    } finally {
      fs.rmSync(root, { recursive: true })
    }
  })

  it('neither waits for a FIFO nor opens it, and calls it other', () => {
    withRoot((root, disk) => {
      execFileSync('mkfifo', [`${root}/fifo`])
      expect(disk.lstat(`${root}/fifo`)).toEqual({ kind: 'other' })
      expect(disk.readFolder(root)).toEqual([{ name: 'fifo', kind: 'other' }])
      expect(codeOf(() => disk.openRead(`${root}/fifo`))).toBe('EINVAL')
      expect(codeOf(() => disk.openWrite(`${root}/fifo`))).toBe('EINVAL')
      expect(codeOf(() => disk.setPathMode(`${root}/fifo`, 0o777))).toBe('EINVAL')
    })
  })

  it('takes nothing from a FIFO that it has opened unchecked', () => {
    withRoot((root, disk) => {
      execFileSync('mkfifo', [`${root}/fifo`])
      const handle = disk.openRead(`${root}/fifo`, { unchecked: true })
      const writer = fs.openSync(`${root}/fifo`, 'r+')
      fs.writeSync(writer, 'for another')
      expect(codeOf(() => disk.read(handle, new Uint8Array(3), 0))).toBe('ESPIPE')
      expect(disk.fstat(handle)).toEqual({ kind: 'other' })
      const bytes = Buffer.alloc(11)
      expect([fs.readSync(writer, bytes), bytes.toString()]).toEqual([11, 'for another'])
      disk.close(handle)
      fs.closeSync(writer)
    })
  })

  it.each(['fifo', 'folder', 'device', 'link'])('has no hash of what was a file and is a %s now', (name) => {
    withRoot((root, disk) => {
      fs.writeFileSync(`${root}/file`, 'abc')
      const seen = disk.lstat(`${root}/file`)
      if (seen === null || seen.kind === 'other') throw new Error('no file')
      execFileSync('mkfifo', [`${root}/fifo`])
      fs.mkdirSync(`${root}/folder`)
      fs.symlinkSync('file', `${root}/link`)
      const path = (name === 'device' ? 'zero' : name) as RelativePath
      const job = hashFiles(disk, name === 'device' ? '/dev' : root, [{ path, disk: seen }])
      expect(job.next()).toEqual({ done: true, value: [{ outcome: 'changed', path }] })
    })
  })

  it('leaves no descriptor open, whatever failed', () => {
    withRoot((root, disk) => {
      fs.mkdirSync(`${root}/folder`)
      fs.symlinkSync('folder', `${root}/link`)
      const before = fs.readdirSync('/proc/self/fd').length
      for (const act of [
        () => disk.openRead(`${root}/folder`),
        () => disk.readFolder(`${root}/link`),
        () => disk.setPathMode(`${root}/link`, 0o600),
        () => disk.copyFile(`${root}/folder`, `${root}/copy`),
        () => disk.syncFolder(`${root}/link`),
      ]) {
        expect(codeOf(act)).not.toBe('')
      }
      disk.readFolder(root)
      disk.syncFolder(root)
      expect(fs.readdirSync('/proc/self/fd').length).toBe(before)
    })
  })

  it('sets every time from 1970 to 2106 in its own microsecond', () => {
    withRoot((root, disk) => {
      const handle = disk.create(`${root}/file`, 0o600)
      fc.assert(
        fc.property(fc.bigInt({ min: 0n, max: 2n ** 32n * 1_000_000_000n }), (ns) => {
          disk.setMtime(handle, ns)
          const entry = disk.fstat(handle)
          expect(entry.kind === 'file' && entry.mtimeNs / 1000n).toBe(ns / 1000n)
        }),
        { numRuns: 2000 },
      )
      disk.close(handle)
    })
  })
})

describe('mtimeSeconds', () => {
  it('is exact for whole seconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), (seconds) => {
        expect(mtimeSeconds(BigInt(seconds) * 1_000_000_000n)).toBe(seconds)
      }),
    )
  })

  it('is within half a microsecond of any time until 2038', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 31n * 1_000_000_000n }), (ns) => {
        const seconds = mtimeSeconds(ns)
        const whole = Math.trunc(seconds)
        const difference =
          (whole - Number(ns / 1_000_000_000n)) * 1e9 + (seconds - whole) * 1e9 - Number(ns % 1_000_000_000n)
        expect(Math.abs(difference)).toBeLessThan(500)
      }),
    )
  })
})
