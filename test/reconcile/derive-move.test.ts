import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { movedPath, type FolderMove, type FolderPaths } from '../../src/model/folder-move.ts'
import { fingerprint, noFingerprint, type FileRecord } from '../../src/model/file-record.ts'
import { parseRelativePath, type RelativePath } from '../../src/model/relative-path.ts'
import { decide } from '../../src/reconcile/decide.ts'
import { deriveMove } from '../../src/reconcile/derive-move.ts'
import { compareVersions } from '../../src/vector-clock/compare-versions.ts'
import { anyVersion, recordOf, writerOf } from '../vector-clock/any-record.ts'

const move: FolderMove & FolderPaths = {
  from: parseRelativePath('a'),
  to: parseRelativePath('b'),
  writer: writerOf(2),
  writerName: 'desk',
  counter: 9,
  movedAtMs: 1_767_225_600_123,
  before: new Uint8Array(32),
}

const anyMoved = fc
  .array(
    fc.record({
      kind: fc.constantFrom('file', 'symlink', 'folder'),
      version: anyVersion.filter((version) => version.length > 0),
      target: fc.option(anyVersion.filter((version) => version.length > 0)),
    }),
    { maxLength: 8 },
  )
  .map((entries) =>
    entries.map(({ kind, version, target }, i) => {
      const path = (i === 0 ? 'a' : `a/${i}`) as RelativePath
      const record = recordOf(i === 0 ? 'folder' : kind, i, { path, version })
      return {
        row: { record, disk: null, seq: i + 1 },
        target: target === null ? null : recordOf('tombstone', 0, { path: movedPath(path, move), version: target }),
      }
    }),
  )

describe('the records of a move', () => {
  it('are none where a symlink in it would lead out of the synced folder', () => {
    const inside = { ...move, from: parseRelativePath('a/b/c'), to: parseRelativePath('d') }
    const row = (kind: 'folder' | 'symlink', path: string, linkTarget = '') => ({
      row: { record: recordOf(kind, 0, { path: parseRelativePath(path), linkTarget }), disk: null, seq: 1 },
      target: null,
    })
    const derived = (linkTarget: string) =>
      deriveMove(inside, [row('folder', 'a/b/c'), row('symlink', 'a/b/c/link', linkTarget)])
    expect(derived('../../x')).toBeNull()
    expect(derived('../x')).toHaveLength(4)
  })

  it('are newer than those before, at both ends, and hold the same', () => {
    fc.assert(
      fc.property(anyMoved, (moved) => {
        const changes = deriveMove(move, moved)!
        expect(changes).toHaveLength(moved.length * 2)
        const records = new Map(changes.map(({ record }) => [record.path, record]))
        for (const { row, target } of moved) {
          const there = records.get(movedPath(row.record.path, move))!
          expect([there.kind, fingerprint(there)]).toEqual([row.record.kind, fingerprint(row.record)])
          expect(decide(target, there).action).toBe('take')
          const left = records.get(row.record.path)!
          expect([left.kind, left.basis]).toEqual(['tombstone', fingerprint(row.record)])
          expect(compareVersions(row.record.version, left.version)).toBe('before')
          expect(decide(row.record, left).action).toBe('take')
        }
      }),
      { seed: 20_261_121 },
    )
  })

  it('are tombstones alone when the folder was removed, in the same order and of the same versions', () => {
    fc.assert(
      fc.property(anyMoved, (moved) => {
        const left = deriveMove(move, moved)!.slice(moved.length)
        const bare = moved.map(({ row }) => ({ row, target: null }))
        expect(deriveMove({ ...move, to: null }, bare)).toEqual(left)
      }),
      { seed: 20_261_121 },
    )
  })

  it('come in an order in which each can be taken over alone: folders first, and last of what is left', () => {
    const paths = ['a', 'a/x', 'a/x/y', 'a/z'] as RelativePath[]
    const moved = paths.map((path, i) => ({
      row: { record: recordOf('folder', 0, { path }), disk: null, seq: i },
      target: null,
    }))
    expect(deriveMove(move, moved)!.map(({ record }) => record.path)).toEqual([
      'b',
      'b/x',
      'b/x/y',
      'b/z',
      'a/z',
      'a/x/y',
      'a/x',
      'a',
    ])
  })

  it('tell who moved and when, and keep the disk states', () => {
    const disk = { kind: 'folder', sizeBytes: 0, mtimeNs: 1n, ctimeNs: 2n, inode: 3n, mode: 0o755 } as const
    const row = { record: recordOf('folder', 0, { path: move.from }), disk, seq: 1 }
    const [there, left] = deriveMove(move, [{ row, target: null }])!
    expect(there).toEqual({
      record: {
        ...row.record,
        path: 'b',
        writer: move.writer,
        writerName: 'desk',
        version: [[move.writer, 9]],
        basis: noFingerprint,
      },
      disk,
    })
    expect(left).toMatchObject({ record: { writer: move.writer, mtimeNs: 1_767_225_600_123_000_000n }, disk: null })
  })

  it.each<[string, Partial<FileRecord>, FileRecord | null]>([
    ['of what moves', { version: [[move.writer, 9]] }, null],
    ['of what was at its new place', {}, recordOf('tombstone', 0, { version: [[move.writer, 10]] })],
  ])('are none when the counter was used for one %s', (_, fields, target) => {
    const record = recordOf('folder', 0, { path: move.from, ...fields })
    const row = { record, disk: null, seq: 1 }
    expect(deriveMove(move, [{ row, target }])).toBeNull()
  })
})
