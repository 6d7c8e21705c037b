import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { diffManifests, type ManifestChange } from '../../src/manifest/diff-manifests.ts'
import type { ManifestEntry, ManifestPart, ManifestProblem } from '../../src/manifest/manifest-entry.ts'
import { aTree, file, folder, link, sorted } from './sample-manifest.ts'

const seed = 3

async function* parts(entries: readonly ManifestEntry[], problems: readonly ManifestProblem[] = []) {
  for (let at = 0; at < entries.length; at += 3) {
    yield await Promise.resolve<ManifestPart>({ entries: entries.slice(at, at + 3), problems: [] })
  }
  yield { entries: [], problems }
}

async function diff(
  before: readonly ManifestEntry[],
  after: readonly ManifestEntry[],
  options: { times?: boolean; unknownBefore?: string; unknownAfter?: string } = {},
): Promise<string[]> {
  const unknown = (path: string | undefined): ManifestProblem[] => (path === undefined ? [] : [{ path, reason: 'r' }])
  const { changes } = await diffManifests(
    parts(sorted(before), unknown(options.unknownBefore)),
    parts(sorted(after), unknown(options.unknownAfter)),
    { times: options.times === true },
  )
  return changes.map((change) => text(change))
}

function text(change: ManifestChange): string {
  if (change.change !== 'moved') return `${change.change} ${change.path}`
  return `moved ${change.from} -> ${change.path}${change.entry.kind === 'folder' ? ` (${change.files})` : ''}`
}

describe('the difference of two manifests', () => {
  it('is nothing between a tree and itself', async () => {
    await fc.assert(
      fc.asyncProperty(aTree, async (tree) => {
        expect(await diff(tree, tree)).toEqual([])
      }),
      { seed },
    )
  })

  it('makes the new tree out of the old one', async () => {
    await fc.assert(
      fc.asyncProperty(aTree, aTree, async (before, after) => {
        const { changes } = await diffManifests(parts(before), parts(after))
        expect(applied(before, changes)).toEqual(contents(after))
      }),
      { seed, numRuns: 500 },
    )
  })

  it('names each path that was created, modified and deleted, in path order', async () => {
    const before = [file('a', '1'), file('b', '2'), folder('c'), file('d', '4'), link('l', 'x')]
    const after = [file('a', '9'), file('b', '2', { executable: true }), file('d', '4'), file('e', '5'), link('l', 'y')]
    const expected = ['modified a', 'modified b', 'deleted c', 'created e', 'modified l']
    expect(await diff(before, after)).toEqual(expected)
  })

  it('takes another time alone for a change only when it is asked to', async () => {
    const [before, after] = [[file('a', '1', { mtimeNs: 1n })], [file('a', '1', { mtimeNs: 2n })]]
    expect(await diff(before, after)).toEqual([])
    expect(await diff(before, after, { times: true })).toEqual(['modified a'])
  })

  it('calls another kind at a path a modification', async () => {
    expect(await diff([folder('a'), file('a/x', '1')], [file('a', '2')])).toEqual(['modified a', 'deleted a/x'])
  })

  it('knows a file that moved, and says so of its executable bit', async () => {
    expect(await diff([file('a', '1')], [folder('d'), file('d/b', '1')])).toEqual(['created d', 'moved a -> d/b'])
    const moved = ['moved a -> b', 'modified b']
    expect(await diff([file('a', '1')], [file('b', '1', { executable: true })])).toEqual(moved)
  })

  it('pairs files of the same content by their names first', async () => {
    const before = [folder('o'), file('o/x', '1'), file('o/y', '1')]
    const after = [folder('n'), file('n/y', '1'), file('n/z', '1'), file('n/zz', '2')]
    const expected = ['created n', 'moved o/y -> n/y', 'moved o/x -> n/z', 'created n/zz', 'deleted o']
    expect(await diff(before, after)).toEqual(expected)
  })

  it('makes one line of a folder that moved with all below it', async () => {
    const below = (path: string): ManifestEntry[] => [
      folder(path),
      file(`${path}/__init__`, ''),
      folder(`${path}/s`),
      file(`${path}/s/__init__`, ''),
      link(`${path}/s/l`, 'x'),
    ]
    expect(await diff(below('a'), below('b'))).toEqual(['moved a -> b (2)'])
    expect(await diff([...below('a'), file('a/t', '1')], below('b'))).toEqual([
      'deleted a',
      'deleted a/t',
      'created b',
      'moved a/__init__ -> b/__init__',
      'moved a/s -> b/s (1)',
    ])
  })

  it('lets the larger folder move where a smaller one inside it is like another', async () => {
    const before = [folder('A'), folder('A/y'), file('A/y/f', '1'), folder('X'), folder('X/y'), file('X/y/f', '1')]
    const after = [folder('M'), folder('M/y'), file('M/y/f', '1'), folder('Z'), folder('Z/y'), file('Z/y/f', '1')]
    const tall = [...before, file('X/g', '2')]
    const grown = [...after, file('M/g', '2')]
    expect(await diff(tall, grown)).toEqual(['moved X -> M (2)', 'moved A -> Z (1)'])
  })

  it('takes an empty folder for no other one', async () => {
    expect(await diff([folder('a')], [folder('b')])).toEqual(['deleted a', 'created b'])
  })

  it('says nothing of what could not be read', async () => {
    const tree = [folder('a'), file('a/x', '1'), file('b', '2')]
    expect(await diff(tree, [folder('a'), file('b', '2')], { unknownAfter: 'a' })).toEqual([])
    expect(await diff([folder('a'), file('b', '2')], tree, { unknownBefore: 'a' })).toEqual([])
    expect(await diff(tree, [folder('a')], { unknownAfter: 'a' })).toEqual(['deleted b'])
  })

  it('pairs twenty thousand files of one content in a moment', async () => {
    const many = (where: string): ManifestEntry[] =>
      Array.from({ length: 20_000 }, (_, i) => file(`${where}${String(i).padStart(5, '0')}`, 'same'))
    const changes = await diff(many('a'), many('b'))
    expect(changes).toHaveLength(20_000)
    expect(changes[19_999]).toBe('moved a19999 -> b19999')
  })
})

function contents(tree: readonly ManifestEntry[]): Map<string, string> {
  return new Map(tree.map((entry) => [entry.path, content(entry)]))
}

function content(entry: ManifestEntry): string {
  if (entry.kind === 'file') return `${entry.sha256} ${entry.sizeBytes} ${entry.executable}`
  return entry.kind === 'symlink' ? `-> ${entry.linkTarget}` : 'folder'
}

/** Does what the changes say, moves by what was there: only what is said to be new may bring content. */
function applied(before: readonly ManifestEntry[], changes: readonly ManifestChange[]): Map<string, string> {
  const old = contents(before)
  const now = new Map(old)
  for (const change of changes) if (change.change === 'deleted') now.delete(change.path)
  for (const change of changes) {
    if (change.change !== 'moved') continue
    for (const path of old.keys()) if (path === change.from || path.startsWith(`${change.from}/`)) now.delete(path)
  }
  for (const change of changes) {
    if (change.change === 'created') now.set(change.path, content(change.entry))
    if (change.change !== 'moved') continue
    for (const [path, what] of old) {
      if (path === change.from) now.set(change.path, what)
      else if (path.startsWith(`${change.from}/`)) now.set(change.path + path.slice(change.from.length), what)
    }
  }
  for (const change of changes) if (change.change === 'modified') now.set(change.path, content(change.entry))
  return now
}
