import fc from 'fast-check'

import { hashBlock } from '../../src/blocks/hash.ts'
import { noFingerprint, type EntryKind, type FileRecord, type Fingerprint } from '../../src/model/file-record.ts'
import { parseRelativePath, type RelativePath } from '../../src/model/relative-path.ts'
import type { VersionVector } from '../../src/model/version-vector.ts'
import { makeWriterId, type WriterId } from '../../src/model/writer-id.ts'

/** A writer that differs from those of other numbers. */
export function writerOf(number: number): WriterId {
  return makeWriterId(new Uint8Array(8).fill(number + 1), new Uint8Array(8).fill(7))
}

/** A record of `a.txt` whose fields fit its kind; `seed` stands for a file's bytes or a symlink's target. */
export function recordOf(kind: EntryKind, seed: number, fields: Partial<FileRecord> = {}): FileRecord {
  const file = kind === 'file'
  return {
    path: parseRelativePath('a.txt'),
    kind,
    sizeBytes: file ? seed : 0,
    mtimeNs: 1_700_000_000_000_000_000n,
    executable: false,
    linkTarget: kind === 'symlink' ? `target-${seed}` : '',
    content: file ? hashBlock(new Uint8Array([seed])) : '',
    version: [[writerOf(0), 1]],
    writer: writerOf(0),
    writerName: 'desk',
    basis: noFingerprint,
    ...fields,
  }
}

export const anyKind = fc.constantFrom<EntryKind>('file', 'file', 'symlink', 'folder', 'tombstone')

export const anyVersion: fc.Arbitrary<VersionVector> = fc
  .tuple(fc.nat(2), fc.nat(2), fc.nat(2))
  .map((counters) => counters.flatMap((counter, i) => (counter === 0 ? [] : [[writerOf(i), counter] as const])))

const anyBasis = fc
  .tuple(anyKind, fc.integer({ min: 1, max: 2 }))
  .map(([kind, seed]): Fingerprint =>
    kind === 'file' ? (`f${recordOf('file', seed).content}` as Fingerprint) : noFingerprint,
  )

/** Records of one path from a small world, so that equal fields are frequent. */
export const anyRecord: fc.Arbitrary<FileRecord> = fc
  .record({
    kind: anyKind,
    seed: fc.integer({ min: 1, max: 3 }),
    mtimeNs: fc.constantFrom(0n, 5n, 1_700_000_000_000_000_000n),
    executable: fc.boolean(),
    version: anyVersion.filter((version) => version.length > 0),
    writer: fc.nat(1),
    writerName: fc.constantFrom('desk', 'lap'),
    basis: anyBasis,
  })
  .map(({ kind, seed, executable, writer, ...fields }) =>
    recordOf(kind, seed, { ...fields, executable: executable && kind === 'file', writer: writerOf(writer) }),
  )

/** Any text that can be a relative path. */
export const anyPath: fc.Arbitrary<RelativePath> = fc
  .array(
    fc
      .string({ unit: 'binary', minLength: 1, maxLength: 90 })
      .map((name) => name.replaceAll(/[/\0]/gu, '_').normalize('NFC'))
      .filter((name) => name !== '.' && name !== '..' && name.toLowerCase() !== '.p2psync'),
    { minLength: 1, maxLength: 4 },
  )
  .map((names) => parseRelativePath(names.join('/').normalize('NFC')))
