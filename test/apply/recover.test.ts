import { describe, expect, it } from 'vitest'
import { isLeftTwice, recoverIntent, type InterruptedIntent } from '../../src/apply/recover.ts'
import type { BlockHash } from '../../src/model/block-hash.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import { noFingerprint, type FileRecord } from '../../src/model/file-record.ts'
import type { WriterId } from '../../src/model/writer-id.ts'
import { at } from './world.ts'

const intended: FileRecord = {
  path: at('a'),
  kind: 'file',
  sizeBytes: 10,
  mtimeNs: 1_700_000_000_123_456_789n,
  executable: false,
  linkTarget: '',
  content: 'A'.repeat(43) as BlockHash,
  version: [['0'.repeat(32) as WriterId, 1]],
  writer: '0'.repeat(32) as WriterId,
  writerName: 'x',
  basis: noFingerprint,
}

const placed: DiskState = {
  kind: 'file',
  sizeBytes: 10,
  mtimeNs: 1_700_000_000_123_456_000n,
  ctimeNs: 5n,
  inode: 7n,
  mode: 0o644,
}

const indexed: DiskState = { ...placed, inode: 6n }
const done: InterruptedIntent = { intended, staged: 's', disk: placed, stagedInode: null, indexed }

describe('recoverIntent', () => {
  it('adopts the file that was placed, over an old one and over nothing', () => {
    expect(recoverIntent(done)).toBe('adopt')
    expect(recoverIntent({ ...done, indexed: null })).toBe('adopt')
    expect(recoverIntent({ ...done, indexed: null, stagedInode: placed.inode })).toBe('adopt')
  })

  it('drops an intent whose rename did not happen', () => {
    expect(recoverIntent({ ...done, stagedInode: 8n })).toBe('drop')
    expect(recoverIntent({ ...done, disk: indexed })).toBe('drop')
    expect(recoverIntent({ ...done, disk: null })).toBe('drop')
  })

  it('drops what is still the file of before, also when it has the size and time of the new one', () => {
    const unsure = { ...indexed, ctimeNs: 0n }
    expect(recoverIntent({ ...done, disk: indexed, indexed: unsure })).toBe('drop')
    expect(recoverIntent({ ...done, indexed: unsure })).toBe('adopt')
  })

  it('leaves what a user has edited or replaced since to the scan', () => {
    expect(recoverIntent({ ...done, disk: { ...placed, sizeBytes: 11 } })).toBe('drop')
    expect(recoverIntent({ ...done, disk: { ...placed, mtimeNs: placed.mtimeNs + 2000n } })).toBe('drop')
    expect(recoverIntent({ ...done, disk: { ...placed, mtimeNs: placed.mtimeNs - 2000n } })).toBe('drop')
    expect(recoverIntent({ ...done, disk: { ...placed, kind: 'folder' } })).toBe('drop')
  })

  it('drops what was no file', () => {
    expect(recoverIntent({ ...done, intended: { ...intended, kind: 'symlink', linkTarget: 'x' } })).toBe('drop')
    expect(recoverIntent({ ...done, intended: { ...intended, kind: 'tombstone' } })).toBe('drop')
  })
})

describe('isLeftTwice', () => {
  const twice = { disk: indexed, indexed, copy: indexed, isCopyIndexed: false }

  it('is so for the file that the index knows, under both names, whatever was written to it since', () => {
    expect(isLeftTwice(twice)).toBe(true)
    const edited = { ...indexed, sizeBytes: 11, mtimeNs: 8n, ctimeNs: 9n }
    expect(isLeftTwice({ ...twice, disk: edited, copy: edited })).toBe(true)
  })

  it('is not so when the new version is in place, or there is no copy', () => {
    expect(isLeftTwice({ ...twice, disk: placed })).toBe(false)
    expect(isLeftTwice({ ...twice, copy: null })).toBe(false)
    expect(isLeftTwice({ ...twice, disk: null, copy: null })).toBe(false)
  })

  it('is not so for two names that somebody else has given', () => {
    expect(isLeftTwice({ ...twice, isCopyIndexed: true })).toBe(false)
    expect(isLeftTwice({ ...twice, disk: placed, copy: placed })).toBe(false)
    expect(isLeftTwice({ ...twice, indexed: null })).toBe(false)
  })

  it('is not so for a separate file, nor for anything but files', () => {
    expect(isLeftTwice({ ...twice, copy: { ...indexed, inode: 9n } })).toBe(false)
    // Of another file system.
    expect(isLeftTwice({ ...twice, copy: { ...indexed, ctimeNs: 9n } })).toBe(false)
    for (const kind of ['folder', 'symlink'] as const) {
      const entry = { ...indexed, kind }
      expect(isLeftTwice({ ...twice, disk: entry, indexed: entry, copy: entry })).toBe(false)
    }
  })
})
