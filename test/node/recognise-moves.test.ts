import { describe, expect, it } from 'vitest'
import type { IndexRow } from '../../src/file-index/folder-index.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { isAtOrBelow, recogniseMoves, removedFolders, type RecognisedMoves } from '../../src/node/recognise-moves.ts'
import type { ScanEntry } from '../../src/ports/file-tasks.ts'
import { fileRecord } from './sample-record.ts'

describe('a new entry', () => {
  it.each<[string, Partial<DiskState>]>([
    ['with all that a rename leaves', { ctimeNs: 99n }],
    ['with another mode', { mode: 0o755 }],
  ])('is a file that is gone, %s', (_, now) => {
    expect(filesOf([seen('new', now)], [gone('old')])).toEqual([['new', 'old']])
  })

  it.each<[string, Partial<DiskState>, Partial<DiskState>]>([
    ['has another inode', { inode: 8n }, {}],
    ['has another size', { sizeBytes: 4 }, {}],
    ['has another time', { mtimeNs: 1_500_000_001n }, {}],
    ['has a time of whole seconds, as many may', { mtimeNs: 2_000_000_000n }, { mtimeNs: 2_000_000_000n }],
    ['had just been written when it was looked at', {}, { ctimeNs: -1_500_000_000n }],
    ['had just been written when an earlier version of p2psync looked at it', {}, { ctimeNs: 0n }],
    ['is a symlink', { kind: 'symlink' }, { kind: 'symlink' }],
    ['is a folder now', { kind: 'folder' }, {}],
    ['was a folder', {}, { kind: 'folder' }],
  ])('is none that is gone when it %s', (_, now, before) => {
    const found = recogniseMoves([seen('new', now)], [gone('old', before)])
    expect([found.folders, found.files.size]).toEqual([[], 0])
  })

  it('is a folder that is gone when it has its inode, whatever else it has', () => {
    const found = recogniseMoves(
      [seen('new', { kind: 'folder', mtimeNs: 5n, sizeBytes: 9 })],
      [gone('old', { kind: 'folder' })],
    )
    expect(pairsOf(found)).toEqual(['old > new'])
    expect(found.folders[0]?.disk).toEqual(seen('new', { kind: 'folder', mtimeNs: 5n, sizeBytes: 9 }).disk)
  })

  it('is no folder that would have moved into itself, or out of itself to where it was', () => {
    const folder = { kind: 'folder' } as const
    expect(pairsOf(recogniseMoves([seen('a/b', folder)], [gone('a', folder)]))).toEqual([])
    expect(pairsOf(recogniseMoves([seen('a', folder)], [gone('a/b', folder)]))).toEqual([])
  })

  it('comes the sooner the deeper it was', () => {
    const folders = ['a', 'a/b/c', 'a/b', 'd'].map((path, i) => ({ path, inode: BigInt(i + 10) }))
    const found = recogniseMoves(
      folders.map(({ path, inode }) => seen(`new ${path.replaceAll('/', ' ')}`, { kind: 'folder', inode })),
      folders.map(({ path, inode }) => gone(path, { kind: 'folder', inode })),
    )
    expect(pairsOf(found)).toEqual(['a/b/c > new a b c', 'a/b > new a b', 'a > new a', 'd > new d'])
  })
})

it.each<[string, string[], number, string[]]>([
  ['with enough in them', ['a/1', 'a', 'a/2', 'b', 'b/1', 'a b', 'a b/1', 'a b/2'], 2, ['a', 'a b']],
  ['of which only the topmost counts', ['a', 'a/b', 'a/b/1', 'a/b/2', 'c/d', 'c/d/1', 'c/d/2'], 2, ['a', 'c/d']],
  ['each path counted once', ['a', 'a/1', 'a/1', 'a'], 2, []],
  ['but not their content alone', ['a/1', 'a/2', 'a/3'], 2, []],
  ['or nothing', [], 0, []],
])('removed folders are those %s', (_, paths, rowsMin, expected) => {
  expect(removedFolders(paths.map(parseRelativePath), rowsMin)).toEqual(expected)
})

it('a path is at or below the folders that hold it, and no others', () => {
  const tops = new Set(['a/b', 'c'].map(parseRelativePath))
  const paths = ['a', 'a/b', 'a/b/x/y', 'a/bc', 'c/d', 'cd'].map(parseRelativePath)
  expect(paths.filter((path) => isAtOrBelow(path, tops))).toEqual(['a/b', 'a/b/x/y', 'c/d'])
})

const state: DiskState = { kind: 'file', sizeBytes: 3, mtimeNs: 1_500_000_000n, ctimeNs: 7n, inode: 1n, mode: 0o644 }

function seen(path: string, fields: Partial<DiskState> = {}): ScanEntry {
  return { path: parseRelativePath(path), disk: { ...state, ...fields }, linkTarget: '' }
}

function gone(path: string, fields: Partial<DiskState> = {}): IndexRow {
  const disk = { ...state, ...fields }
  return { record: { ...fileRecord(path, 'old'), kind: disk.kind }, disk, seq: 1 }
}

function filesOf(fresh: readonly ScanEntry[], rows: readonly IndexRow[]): [string, string][] {
  return Array.from(recogniseMoves(fresh, rows).files, ([path, row]) => [path, row.record.path])
}

function pairsOf({ folders }: RecognisedMoves): string[] {
  return folders.map(({ from, to }) => `${from} > ${to}`)
}
