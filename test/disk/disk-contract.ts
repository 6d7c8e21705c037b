import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Disk } from '../../src/ports/disk.ts'
import { codeOf, inRoot, type DiskUnderTest } from './disk-under-test.ts'
import { describeFiles } from './files-contract.ts'
import { describeLooking } from './looking-contract.ts'
import { describeMetadata } from './metadata-contract.ts'
import { describeNames } from './names-contract.ts'

/** What every {@link Disk} does. `make` is called before each test. `isConfined`: links among the parents are not followed. */
export function describeDisk(diskName: string, make: () => DiskUnderTest, { isConfined = false } = {}): void {
  describe(`${diskName} keeps the contract of a disk`, () => {
    let made: DiskUnderTest
    const subject = (): DiskUnderTest => made
    beforeEach(() => {
      made = make()
    })
    afterEach(() => made.dispose())

    describeLooking(subject, { isConfined })
    describeFiles(subject)
    describeMetadata(subject)
    describeNames(subject)
    describeDurability(subject)
  })
}

/** What reaches the disk, and how much fits. */
function describeDurability(subject: () => DiskUnderTest): void {
  describe('durability and room', () => {
    let disk: Disk
    let root: string
    beforeEach(() => {
      ;({ disk, root } = subject())
    })
    const { at } = inRoot(subject)

    it('flushes a file, a folder and, where it can, the file system', () => {
      const handle = disk.create(at('file'), 0o600)
      disk.sync(handle)
      disk.close(handle)
      disk.syncFolder(root)
      expect(codeOf(() => disk.syncFolder(at('file')))).toBe('ENOTDIR')
      expect(disk.syncFileSystem(root)).toBe(process.platform === 'linux')
    })

    it('says how many bytes are free', () => {
      expect(disk.freeBytes(root)).toBeGreaterThan(0)
    })
  })
}
