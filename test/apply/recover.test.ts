import { describe, expect, it } from 'vitest'
import { recoverIntent, type InterruptedIntent } from '../../src/apply/recover.ts'
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
